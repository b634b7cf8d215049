-- What people, keys and the platform did. Rows are only ever added; partitioned by month: old months are dropped whole.

create table audit_events (
  id text not null,
  -- Where it stands among the rows of its transaction.
  ordinal bigint generated always as identity,
  -- Everything below the oldest running transaction is complete: the sealer goes by this without any lock.
  transaction_id xid8 not null default pg_current_xact_id(),
  created_at timestamptz(3) not null,
  organization_id text,
  project_id text,
  actor_kind text not null check (actor_kind in ('user', 'api_key', 'service', 'anonymous')),
  actor_id text,
  actor_user_id text,
  actor_key_id text,
  actor_address text,
  actor_user_agent text,
  action text not null,
  resource_kind text not null,
  resource_id text,
  outcome text not null check (outcome in ('success', 'denied', 'failed')),
  reason text,
  request_id text,
  -- {"field": {"before": …, "after": …}} of what changed, without secrets.
  changes jsonb,
  data_class text not null,
  primary key (id, created_at)
) partition by range (created_at);
create index audit_events_by_organization on audit_events (organization_id, created_at, id);
create index audit_events_by_transaction on audit_events (transaction_id, ordinal);

-- Catches rows outside the prepared months, so that a clock that is wrong never loses one.
create table audit_events_default partition of audit_events default;

-- The chain: hash = SHA-256(0x00, hash before, canonical JSON of the event).
create table audit_seals (
  seq bigint primary key,
  event_id text not null unique,
  event_created_at timestamptz(3) not null,
  transaction_id xid8 not null,
  ordinal bigint not null,
  hash bytea not null check (octet_length(hash) = 32)
);

create table audit_keys (
  id text primary key,
  public_key text not null,
  sealed_private_key text not null,
  created_at timestamptz not null
);

-- One for each minute in which something was sealed; the copies that count lie in the blob store and in the log.
create table audit_checkpoints (
  seq bigint primary key,
  hash bytea not null,
  created_at timestamptz not null
);

-- Also for the owner of the tables: only somebody who may change the schema can get around it, and the chain tells.
create function audit_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'rows of % are never changed or deleted', tg_table_name using errcode = 'insufficient_privilege';
end
$$;
create trigger audit_events_immutable before update or delete on audit_events
  for each row execute function audit_refuse_change();
create trigger audit_events_kept before truncate on audit_events
  for each statement execute function audit_refuse_change();
create trigger audit_events_default_kept before truncate on audit_events_default
  for each statement execute function audit_refuse_change();
create trigger audit_seals_immutable before update or delete on audit_seals
  for each row execute function audit_refuse_change();
create trigger audit_seals_kept before truncate on audit_seals
  for each statement execute function audit_refuse_change();
create trigger audit_checkpoints_immutable before update or delete on audit_checkpoints
  for each row execute function audit_refuse_change();
create trigger audit_checkpoints_kept before truncate on audit_checkpoints
  for each statement execute function audit_refuse_change();
