-- Rules about what goes into models and comes out of them. `config` holds what the kind needs.
create table guardrails (
  id text primary key,
  organization_id text not null references organizations (id),
  name text not null check (length(name) between 1 and 64),
  scope text not null check (scope in ('organization', 'project', 'api_key')),
  scope_id text not null,
  kind text not null check (kind in ('keywords', 'patterns', 'personal_data', 'secrets')),
  action text not null check (action in ('deny', 'mask', 'flag')),
  stages text[] not null,
  config jsonb not null,
  enabled boolean not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index guardrails_by_name on guardrails (organization_id, name);
create index guardrails_by_age on guardrails (organization_id, created_at, id);

insert into revisions (topic, revision) values ('guardrails', 1);
