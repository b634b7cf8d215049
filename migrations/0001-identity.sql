-- Who owns what, and who may act. Every later table of product data carries project_id.

create table installation (
  singleton boolean primary key default true check (singleton),
  id text not null,
  created_at timestamptz not null
);

create table organizations (
  id text primary key,
  name text not null check (length(name) between 1 and 200),
  created_at timestamptz not null
);

create table projects (
  id text primary key,
  organization_id text not null references organizations (id),
  name text not null check (length(name) between 1 and 200),
  created_at timestamptz not null,
  archived_at timestamptz
);
create index projects_by_organization on projects (organization_id, created_at);

create table users (
  id text primary key,
  email text not null check (email = lower(email)),
  name text not null,
  password_hash text,
  created_at timestamptz not null,
  disabled_at timestamptz
);
create unique index users_by_email on users (email);

create table organization_members (
  organization_id text not null references organizations (id),
  user_id text not null references users (id),
  role text not null check (role in ('owner', 'admin', 'member')),
  created_at timestamptz not null,
  primary key (organization_id, user_id)
);

create table project_members (
  project_id text not null references projects (id),
  user_id text not null references users (id),
  role text not null check (role in ('owner', 'admin', 'developer', 'viewer', 'auditor')),
  created_at timestamptz not null,
  primary key (project_id, user_id)
);

-- key_hash is the SHA-256 of the whole key; prefix is what people see in lists.
create table api_keys (
  id text primary key,
  project_id text not null references projects (id),
  name text not null check (length(name) between 1 and 200),
  prefix text not null,
  key_hash bytea not null,
  scopes text[] not null,
  created_by text references users (id),
  created_at timestamptz not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);
create unique index api_keys_by_hash on api_keys (key_hash);
create index api_keys_by_project on api_keys (project_id, created_at, id);

-- A link that lets its bearer set the password of one user, once. Only the SHA-256 of its token is stored.
create table one_time_links (
  token_hash bytea primary key,
  user_id text not null references users (id),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);

-- Raised in the transaction of each change, so that every instance can tell whether its copy is current.
create table revisions (
  topic text primary key,
  revision bigint not null
);
insert into revisions (topic, revision) values ('identity', 1);
