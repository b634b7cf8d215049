-- What may be used, what it costs, and what was spent.

create table limits (
  id text primary key,
  organization_id text not null references organizations (id),
  -- Whose calls count; scope_id is an id, or the name of a model.
  scope text not null check (scope in ('organization', 'project', 'api_key', 'user', 'model')),
  scope_id text not null check (length(scope_id) between 1 and 256),
  -- Only calls to this model count; null: all of them.
  model text check (length(model) between 1 and 256),
  kind text not null check (kind in ('requests', 'tokens', 'parallel', 'money')),
  -- Requests, tokens, calls at once, or millionths of the currency.
  amount bigint not null check (amount >= 0),
  period text check (period in ('minute', 'day', 'month', 'total')),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check (scope <> 'model' or model is null),
  check (case kind
    when 'parallel' then period is null
    when 'money' then period is not null and period in ('day', 'month', 'total')
    else period is not null and period = 'minute' end)
);
create unique index limits_by_scope
  on limits (organization_id, scope, scope_id, coalesce(model, ''), kind, coalesce(period, ''));
create index limits_by_age on limits (organization_id, created_at, id);
create index limits_of_money on limits (scope, scope_id) where kind = 'money';

-- Written in the statement that inserts the usage records, so that each record counts exactly once. No reference to
-- limits: a record must not wait for, or fail by, a limit that is being deleted.
create table budget_spend (
  limit_id text not null,
  -- Midnight UTC of the day, or of the first of the month; 1970 for a total.
  window_start timestamptz not null,
  spent_micros bigint not null,
  primary key (limit_id, window_start)
);

create table price_versions (
  id text primary key,
  note text,
  created_at timestamptz not null,
  -- The version in force is the one activated last.
  activated_at timestamptz not null
);
create index price_versions_by_activation on price_versions (activated_at, id);

-- Millionths of the currency for a million tokens; null: as `input` or `output`.
create table prices (
  version_id text not null references price_versions (id),
  -- A name, or the beginning of names followed by '*'.
  model text not null check (length(model) between 1 and 256),
  input_micros bigint not null check (input_micros >= 0),
  output_micros bigint not null check (output_micros >= 0),
  cached_input_micros bigint check (cached_input_micros >= 0),
  cache_write_micros bigint check (cache_write_micros >= 0),
  reasoning_micros bigint check (reasoning_micros >= 0),
  audio_input_micros bigint check (audio_input_micros >= 0),
  audio_output_micros bigint check (audio_output_micros >= 0),
  request_micros bigint not null default 0 check (request_micros >= 0),
  primary key (version_id, model)
);

insert into revisions (topic, revision) values ('usage', 1) on conflict (topic) do nothing;

alter table usage_records
  add column user_id text,
  add column deployment_id text,
  -- Null when the model had no price.
  add column cost_micros bigint,
  add column price_version text,
  add column attempts integer not null default 1,
  add column cache_write_tokens integer not null default 0,
  add column audio_input_tokens integer not null default 0,
  add column audio_output_tokens integer not null default 0,
  add column response_cached boolean not null default false;
