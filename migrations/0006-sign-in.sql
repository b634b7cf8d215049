-- Sessions of people: keys that sign access tokens, sessions with their refresh tokens, and counted attempts.

-- The generation is the primary key, so that of several instances that rotate at once exactly one makes the next key.
create table signing_keys (
  generation int primary key,
  id text not null unique,
  public_key text not null,
  sealed_private_key text not null,
  created_at timestamptz not null,
  active_from timestamptz not null
);

create table sessions (
  id text primary key,
  user_id text not null references users (id),
  generation int not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  last_used_at timestamptz not null,
  ended_at timestamptz,
  end_reason text check (end_reason in ('signed_out', 'replay', 'password_changed'))
);
create index sessions_by_user on sessions (user_id);
create index sessions_by_end on sessions (ended_at, id) where ended_at is not null;

-- Only the SHA-256 of a token is stored. sealed_successor opens with the token itself and with nothing else.
create table refresh_tokens (
  token_hash bytea primary key,
  session_id text not null references sessions (id) on delete cascade,
  generation int not null,
  created_at timestamptz not null,
  used_at timestamptz,
  sealed_successor text,
  unique (session_id, generation)
);

-- Attempts by account and by address; an account stands here as a hash, known or not.
create table sign_in_attempts (
  subject text primary key,
  attempts int not null,
  window_ends_at timestamptz not null
);
create index sign_in_attempts_by_end on sign_in_attempts (window_ends_at);

insert into revisions (topic, revision) values ('sign_in', 1);
