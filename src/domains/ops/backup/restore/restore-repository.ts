import type { Database, Transaction } from '../../../../ports/database.ts';
import type { TableColumn } from '../archive/contents.ts';
import { quoted } from '../rows/snapshot-repository.ts';

const STATEMENT_TIMEOUT_MS = 10 * 60_000;

/** What a restore that has not ended says of itself. */
export interface RestoreMark {
  readonly backup_id: string;
  /** Set in the transaction that puts the rows back. */
  readonly has_rows: boolean;
}

/** Written before the first row and removed after the last step: an installation that has it serves nobody. */
export async function markIncomplete(database: Database, backupId: string, now: Date) {
  await database.executeScript(`create table if not exists restore_in_progress (
      singleton boolean primary key default true check (singleton),
      backup_id text not null,
      has_rows boolean not null,
      started_at timestamptz not null
    )`);
  await database.execute({
    sql: `insert into restore_in_progress (backup_id, has_rows, started_at) values ($1, false, $2)
      on conflict (singleton) do nothing`,
    parameters: [backupId, now],
  });
}

export async function markRowsRestored(transaction: Transaction): Promise<void> {
  const sql = 'update restore_in_progress set has_rows = true';
  await transaction.execute({ sql, parameters: [] });
}

export async function unmarkIncomplete(database: Database): Promise<void> {
  await database.executeScript('drop table restore_in_progress');
}

export async function readMark(database: Database): Promise<RestoreMark | undefined> {
  if (!(await exists(database, 'restore_in_progress'))) return undefined;
  const { rows } = await database.execute<RestoreMark>({
    sql: 'select backup_id, has_rows from restore_in_progress',
    parameters: [],
  });
  return rows[0];
}

/** Whether anybody has set this installation up. A database without our tables has not been. */
export async function hasInstallation(database: Database): Promise<boolean> {
  if (!(await exists(database, 'installation'))) return false;
  const { rows } = await database.execute<{ found: boolean }>({
    sql: `select exists (select from installation) or exists (select from organizations)
      or exists (select from users) as found`,
    parameters: [],
  });
  return rows[0]?.found !== false;
}

/** Rows that migrations put into new tables. */
export async function clearTable(transaction: Transaction, table: string): Promise<void> {
  await transaction.execute({ sql: `delete from ${quoted(table)}`, parameters: [] });
}

/** Lines as a snapshot reads them; every value goes through the text form of its type. */
export async function insertRows(
  transaction: Transaction,
  table: string,
  columns: readonly TableColumn[],
  lines: readonly string[],
): Promise<number> {
  const names = columns.map(({ name }) => quoted(name)).join(', ');
  const values = columns.map(({ type }, index) => `(line ->> ${index})::${type}`).join(', ');
  const { affectedRows } = await transaction.execute(
    {
      sql: `insert into ${quoted(table)} (${names}) overriding system value
        select ${values} from (select text::jsonb as line from unnest($1::text[]) as text) as lines`,
      parameters: [lines],
    },
    { timeoutMs: STATEMENT_TIMEOUT_MS },
  );
  return affectedRows;
}

export async function countRows(transaction: Transaction, table: string): Promise<number> {
  const { rows } = await transaction.execute<{ count: number }>(
    { sql: `select count(*) as count from ${quoted(table)}`, parameters: [] },
    { timeoutMs: STATEMENT_TIMEOUT_MS },
  );
  return rows[0]?.count ?? 0;
}

/** Sequences go on after the highest value that was put back. */
export async function advanceSequences(transaction: Transaction, table: string): Promise<void> {
  const { rows } = await transaction.execute<{ column: string; sequence: string }>({
    sql: `select a.attname as column, pg_get_serial_sequence($1, a.attname) as sequence
      from pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped
        and pg_get_serial_sequence($1, a.attname) is not null`,
    parameters: [table],
  });
  for (const { column, sequence } of rows) {
    await transaction.execute({
      sql: `select setval($1::regclass, coalesce(max(${quoted(column)}), 0) + 1, false)::text from ${quoted(table)}`,
      parameters: [sequence],
    });
  }
}

async function exists(database: Database, table: string): Promise<boolean> {
  const { rows } = await database.execute<{ found: boolean }>({
    sql: 'select to_regclass($1::text) is not null as found',
    parameters: [table],
  });
  return rows[0]?.found === true;
}
