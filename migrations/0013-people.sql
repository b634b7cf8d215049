-- What people need beyond a password: second factors, invitations, links that set a password, sessions that they can tell apart.

alter table sessions add column address text;
alter table sessions add column user_agent text;
alter table sessions drop constraint sessions_end_reason_check;
alter table sessions add constraint sessions_end_reason_check check (
  end_reason in ('signed_out', 'replay', 'password_changed', 'second_factor_changed', 'user_disabled')
);

-- Sealed with the key of the installation. Not in force before it is confirmed. No code of a step up to last_used_step works.
create table second_factors (
  user_id text primary key references users (id),
  sealed_seed text not null,
  created_at timestamptz not null,
  confirmed_at timestamptz,
  last_used_step bigint not null
);

create table recovery_codes (
  user_id text not null references second_factors (user_id) on delete cascade,
  code_hash bytea not null,
  used_at timestamptz,
  primary key (user_id, code_hash)
);

-- The password was right, the code is awaited. Only the SHA-256 of a ticket is stored.
create table sign_in_tickets (
  token_hash bytea primary key,
  user_id text not null references users (id),
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index sign_in_tickets_by_user on sign_in_tickets (user_id);
create index sign_in_tickets_by_end on sign_in_tickets (expires_at);

-- A link of one purpose does nothing else: one that sets a password must not make an administrator.
alter table one_time_links add column purpose text not null default 'setup'
  check (purpose in ('setup', 'password_reset'));
create index one_time_links_by_end on one_time_links (expires_at);

-- project_id is null for a role in the whole organization.
create table invitations (
  id text primary key,
  token_hash bytea not null unique,
  organization_id text not null references organizations (id),
  project_id text references projects (id),
  email text not null check (email = lower(email)),
  role text not null check (role in ('owner', 'admin', 'developer', 'viewer', 'auditor')),
  invited_by text references users (id),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  accepted_at timestamptz,
  accepted_by text references users (id),
  revoked_at timestamptz,
  check (project_id is not null or role in ('owner', 'admin', 'auditor'))
);
create index invitations_by_organization on invitations (organization_id, created_at, id);
-- Of two links for one person only the newest can be used.
create unique index invitations_open on invitations (organization_id, email)
  where accepted_at is null and revoked_at is null;
create index invitations_by_end on invitations (expires_at);
