-- One row for each inference call, written in batches. Partitioned by month: old months are dropped, not deleted.

create table usage_records (
  id text not null,
  project_id text not null,
  api_key_id text,
  request_id text not null,
  endpoint text not null,
  model text not null,
  deployment text not null,
  status text not null check (status in ('completed', 'truncated', 'aborted', 'failed')),
  streamed boolean not null,
  prompt_tokens integer not null,
  completion_tokens integer not null,
  cached_tokens integer not null,
  reasoning_tokens integer not null,
  -- What the upstream reported, word for word; null when it reported nothing.
  upstream_usage jsonb,
  -- True when the tokens were counted by us because the upstream reported none.
  estimated boolean not null,
  first_token_ms integer,
  duration_ms integer not null,
  created_at timestamptz not null,
  primary key (id, created_at)
) partition by range (created_at);
create index usage_records_by_project on usage_records (project_id, created_at, id);

-- Catches rows outside the prepared months, so that a clock that is wrong never loses a record.
create table usage_records_default partition of usage_records default;
