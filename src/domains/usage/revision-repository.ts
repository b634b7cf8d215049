import type { SqlExecutor, Statement } from '../../ports/database.ts';

/** Channel on which a change of limits or prices is announced to every instance. */
export const USAGE_CHANNEL = 'llamp_usage';

/** Part of every change: raises the revision and announces it when the change commits. */
export const ANNOUNCE_CHANGE: readonly Statement[] = [
  {
    sql: `insert into revisions (topic, revision) values ('usage', 1)
      on conflict (topic) do update set revision = revisions.revision + 1`,
    parameters: [],
  },
  { sql: 'select pg_notify($1, $2)', parameters: [USAGE_CHANNEL, ''] },
];

export async function announceChange(transaction: SqlExecutor): Promise<void> {
  for (const statement of ANNOUNCE_CHANGE) await transaction.execute(statement);
}

export async function readRevision(
  database: SqlExecutor,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<number> {
  const { rows } = await database.execute<{ revision: number }>(
    { sql: `select revision from revisions where topic = 'usage'`, parameters: [] },
    options,
  );
  return rows[0]?.revision ?? 0;
}
