import type { ExecuteOptions, SqlExecutor, Statement } from '../../ports/database.ts';
import type { AuditEvent } from './audit-event.ts';
import { EVENT_COLUMNS } from './repository.ts';

export interface Seal {
  readonly seq: number;
  readonly event_id: string;
  readonly event_created_at: Date;
  /** Of the event; text, since it may be larger than a number is. */
  readonly transaction_id: string;
  readonly ordinal: number;
  readonly hash: Uint8Array;
}

export type UnsealedEvent = AuditEvent & Pick<Seal, 'transaction_id' | 'ordinal'>;

// Any fixed number will do.
const SEALER_LOCK = 7_205_759_403;

/** True for the one transaction that may seal now; until its end. */
export async function holdSealer(transaction: SqlExecutor): Promise<boolean> {
  const { rows } = await transaction.execute<{ held: boolean }>({
    sql: 'select pg_try_advisory_xact_lock($1::bigint) as held',
    parameters: [SEALER_LOCK],
  });
  return rows[0]?.held === true;
}

export async function findLastSeal(
  executor: SqlExecutor,
  options?: ExecuteOptions,
): Promise<Seal | undefined> {
  const sql = 'select * from audit_seals order by seq desc limit 1';
  return (await executor.execute<Seal>({ sql, parameters: [] }, options)).rows[0];
}

// What is below the oldest running transaction is complete: no row can appear there any more. A database that was put
// back from an archive counts transactions anew; rows "of the future" are its old ones, and complete too.
const IS_COMPLETE = `(e.transaction_id < pg_snapshot_xmin(pg_current_snapshot())
  or e.transaction_id >= pg_snapshot_xmax(pg_current_snapshot()))`;

/** Complete events after the last seal, in the order in which they are sealed. */
export async function listUnsealedEvents(
  executor: SqlExecutor,
  { last, limit }: { last: Seal | undefined; limit: number },
): Promise<UnsealedEvent[]> {
  const { rows } = await executor.execute<UnsealedEvent>({
    sql: `select ${EVENT_COLUMNS}, e.transaction_id, e.ordinal from audit_events e
      where ${IS_COMPLETE}
        and ($1::text::xid8 is null or $1::text::xid8 >= pg_snapshot_xmax(pg_current_snapshot())
          or (e.transaction_id, e.ordinal) > ($1::text::xid8, $2::bigint))
        and not exists (select from audit_seals s where s.event_id = e.id)
      order by e.transaction_id, e.ordinal limit $3`,
    parameters: [last?.transaction_id ?? null, last?.ordinal ?? 0, limit],
  });
  return rows;
}

export function insertSeals(seals: readonly Seal[]): Statement {
  return {
    sql: `insert into audit_seals (seq, event_id, event_created_at, transaction_id, ordinal, hash)
      select * from unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::text[]::xid8[], $5::bigint[], $6::bytea[])`,
    parameters: [
      seals.map((seal) => seal.seq),
      seals.map((seal) => seal.event_id),
      seals.map((seal) => seal.event_created_at),
      seals.map((seal) => seal.transaction_id),
      seals.map((seal) => seal.ordinal),
      seals.map((seal) => seal.hash),
    ],
  };
}

/** A seal with its event; the event is null when it is gone. */
export interface SealedRow extends Seal {
  readonly event: AuditEvent | null;
}

/** Seals after `afterSeq` with their events, in order. */
export async function listSealed(
  executor: SqlExecutor,
  { afterSeq, limit }: { afterSeq: number; limit: number },
): Promise<SealedRow[]> {
  const { rows } = await executor.execute<Seal & AuditEvent & { found_id: string | null }>({
    sql: `select ${EVENT_COLUMNS.replace('e.id,', 'e.id as found_id,')}, s.seq, s.event_id, s.event_created_at,
        s.transaction_id, s.ordinal, s.hash
      from audit_seals s left join audit_events e on e.id = s.event_id
      where s.seq > $1 order by s.seq limit $2`,
    parameters: [afterSeq, limit],
  });
  return rows.map(sealedRow);
}

function sealedRow(row: Seal & AuditEvent & { found_id: string | null }): SealedRow {
  const { seq, event_id, event_created_at, transaction_id, ordinal, hash, found_id, ...rest } = row;
  const seal = { seq, event_id, event_created_at, transaction_id, ordinal, hash };
  return { ...seal, event: found_id === null ? null : { ...rest, id: found_id } };
}

/** Where a hash stands in the chain. */
export async function findSeqOfHash(
  executor: SqlExecutor,
  hash: Uint8Array,
): Promise<number | undefined> {
  const sql = 'select seq from audit_seals where hash = $1 limit 1';
  return (await executor.execute<{ seq: number }>({ sql, parameters: [hash] })).rows[0]?.seq;
}

/** The first event without a seal that stands before sealed ones, and the number it would have had. */
export async function findUnsealedAmongSealed(
  executor: SqlExecutor,
): Promise<{ id: string; seq: number } | undefined> {
  const { rows } = await executor.execute<{ id: string; seq: number }>({
    sql: `with last as (select transaction_id, ordinal from audit_seals order by seq desc limit 1)
      select e.id, (select min(s.seq) from audit_seals s
          where (s.transaction_id, s.ordinal) > (e.transaction_id, e.ordinal)) as seq
      from audit_events e, last
      where (e.transaction_id, e.ordinal) < (last.transaction_id, last.ordinal)
        and not exists (select from audit_seals s where s.event_id = e.id)
      order by e.transaction_id, e.ordinal limit 1`,
    parameters: [],
  });
  return rows[0];
}
