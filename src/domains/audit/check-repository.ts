import type { SqlExecutor } from '../../ports/database.ts';

/** When the oldest event was written that has no seal yet; undefined when every event has one. */
export async function oldestUnsealedAt(database: SqlExecutor): Promise<Date | undefined> {
  const { rows } = await database.execute<{ at: Date | null }>({
    sql: `select min(created_at) as at from audit_events e
      where not exists (select from audit_seals)
        or (transaction_id, ordinal) > (select transaction_id, ordinal from audit_seals order by seq desc limit 1)`,
    parameters: [],
  });
  return rows[0]?.at ?? undefined;
}
