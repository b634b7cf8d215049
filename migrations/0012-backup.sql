-- Backups: what keeps blobs in place while one is made, and what has been done.

-- As long as one of these has not expired, blobs of deleted rows stay: the backup's rows are older and name them.
create table blob_holds (
  id text primary key,
  expires_at timestamptz not null
);

create table backup_runs (
  id text primary key,
  kind text not null check (kind in ('backup', 'drill')),
  target text not null,
  -- The backup that was made, or that the drill has put back.
  backup_id text,
  state text not null check (state in ('running', 'succeeded', 'failed')),
  started_at timestamptz not null,
  ended_at timestamptz,
  duration_ms bigint,
  size_bytes bigint,
  added_bytes bigint,
  error text
);
create index backup_runs_by_time on backup_runs (started_at, id);
create index backup_runs_succeeded on backup_runs (kind, ended_at) where state = 'succeeded';
