-- Which upstreams may be called, with which credential, and under which names clients reach their models.

create table providers (
  id text primary key,
  organization_id text not null references organizations (id),
  name text not null check (length(name) between 1 and 64),
  kind text not null,
  base_url text,
  api_version text,
  region text,
  -- An envelope of lib/secret-box.ts, bound to this row; never plain text.
  credential text,
  -- The end of the key, for people; null when the key is too short to show any of it.
  credential_hint text,
  enabled boolean not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index providers_by_name on providers (organization_id, name);
create index providers_by_age on providers (organization_id, created_at, id);

create table deployments (
  id text primary key,
  organization_id text not null references organizations (id),
  provider_id text not null references providers (id),
  name text not null check (length(name) between 1 and 64),
  upstream_model text not null check (length(upstream_model) between 1 and 256),
  -- Null: what its kind of provider serves.
  serves text[],
  enabled boolean not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index deployments_by_name on deployments (organization_id, name);
create index deployments_by_age on deployments (organization_id, created_at, id);
create index deployments_by_provider on deployments (provider_id);

create table models (
  id text primary key,
  organization_id text not null references organizations (id),
  name text not null check (length(name) between 1 and 256),
  strategy text not null,
  affinity boolean not null,
  enabled boolean not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index models_by_name on models (organization_id, name);
create index models_by_age on models (organization_id, created_at, id);

create table model_deployments (
  model_id text not null references models (id) on delete cascade,
  position integer not null,
  deployment_id text not null references deployments (id),
  weight integer not null check (weight between 0 and 1000),
  tier integer not null check (tier between 0 and 100),
  primary key (model_id, position),
  unique (model_id, deployment_id)
);
create index model_deployments_by_deployment on model_deployments (deployment_id);

-- By name: a fallback may be a model of the configuration file or of the upstream's list.
create table model_fallbacks (
  model_id text not null references models (id) on delete cascade,
  position integer not null,
  fallback_name text not null check (length(fallback_name) between 1 and 256),
  primary key (model_id, position)
);

insert into revisions (topic, revision) values ('models', 1);
