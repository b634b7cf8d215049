import type { SealedColumn } from '../../../lib/sealed-column.ts';
import type { Database, SqlExecutor } from '../../../ports/database.ts';

export interface SealedRow {
  readonly key: string;
  readonly envelope: string;
}

const TIMEOUT_MS = 10_000;

export async function readCanary(database: SqlExecutor): Promise<string | undefined> {
  const { rows } = await database.execute<{ envelope: string }>(
    { sql: 'select envelope from secret_canary where id = 1', parameters: [] },
    { timeoutMs: TIMEOUT_MS },
  );
  return rows[0]?.envelope;
}

/** Of several instances that start at once, the first one's stays. */
export async function insertCanary(database: SqlExecutor, envelope: string, now: Date) {
  await database.execute(
    {
      sql: 'insert into secret_canary (id, envelope, created_at) values (1, $1, $2) on conflict do nothing',
      parameters: [envelope, now],
    },
    { timeoutMs: TIMEOUT_MS },
  );
}

export async function replaceCanary(
  database: SqlExecutor,
  change: { before: string; after: string },
): Promise<void> {
  await database.execute(
    {
      sql: 'update secret_canary set envelope = $2 where id = 1 and envelope = $1',
      parameters: [change.before, change.after],
    },
    { timeoutMs: TIMEOUT_MS },
  );
}

/** Rows with something sealed, in the order of their keys. */
export async function listSealedRows(
  database: Database,
  { table, key, column }: SealedColumn,
  page: { after: string; limit: number },
): Promise<SealedRow[]> {
  const { rows } = await database.execute<SealedRow>(
    {
      sql: `select ${key} as key, ${column} as envelope from ${table}
        where ${column} is not null and ${key} > $1 order by ${key} limit $2`,
      parameters: [page.after, page.limit],
    },
    { timeoutMs: TIMEOUT_MS },
  );
  return rows;
}

/** False when the row has changed since it was read: whoever changed it has sealed it anew. */
export async function replaceSealed(
  database: Database,
  { table, key, column }: SealedColumn,
  change: { key: string; before: string; after: string },
): Promise<boolean> {
  const { affectedRows } = await database.execute(
    {
      sql: `update ${table} set ${column} = $3 where ${key} = $1 and ${column} = $2`,
      parameters: [change.key, change.before, change.after],
    },
    { timeoutMs: TIMEOUT_MS },
  );
  return affectedRows === 1;
}
