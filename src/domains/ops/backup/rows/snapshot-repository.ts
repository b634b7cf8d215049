import type { SqlExecutor, Statement, Transaction } from '../../../../ports/database.ts';
import type { BlobReference, KeptTable } from '../../../../lib/backup-declaration.ts';
import type { TableColumn } from '../archive/contents.ts';

const READ_TIMEOUT_MS = 10 * 60_000;
const CURSOR = 'backup_rows';
const PAGE_BYTES = 4 * 1024 * 1024;
const FIRST_PAGE_ROWS = 50;
const PAGE_ROWS_MAX = 5_000;

/**
 * Makes the transaction one moment for all that it reads, and its texts independent of settings. Must come first. Rows that
 * a policy hides are an error, instead of missing.
 * Whatever was acknowledged before the time that it returns is in what it reads.
 */
export async function beginSnapshot(transaction: Transaction): Promise<Date> {
  const settings = `set transaction isolation level repeatable read, read only;
    set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres';
    set local bytea_output = 'hex'; set local extra_float_digits = 1; set local row_security = off`;
  await transaction.execute({ sql: settings, parameters: [] });
  const { rows } = await transaction.execute<{ now: Date }>(
    // The first statement takes the snapshot, after this time.
    { sql: 'select statement_timestamp() as now', parameters: [] },
  );
  const now = rows[0]?.now;
  if (now === undefined) throw new Error('the database tells no time');
  return now;
}

/** Columns that hold something of their own, in their order. */
export async function readColumns(
  transaction: Transaction,
  table: string,
): Promise<(TableColumn & { isKey: boolean })[]> {
  const { rows } = await transaction.execute<TableColumn & { isKey: boolean }>({
    sql: `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
        coalesce(a.attnum = any(i.indkey), false) as "isKey"
      from pg_attribute a left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
      where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      order by a.attnum`,
    parameters: [table],
  });
  return rows;
}

/** First days of the months that occur. */
export async function readMonths(
  transaction: Transaction,
  table: string,
  column: string,
): Promise<string[]> {
  const { rows } = await transaction.execute<{ month: string }>(
    {
      sql: `select distinct to_char(date_trunc('month', ${column} at time zone 'UTC'), 'YYYY-MM-DD') as month
        from ${table} order by 1`,
      parameters: [],
    },
    { timeoutMs: READ_TIMEOUT_MS },
  );
  return rows.map(({ month }) => month);
}

/** Every row as a line, a JSON array of the texts of its columns; page by page, some megabytes each. */
export async function* readRows(
  transaction: Transaction,
  { table, orderBy }: KeptTable,
  columns: readonly (TableColumn & { isKey: boolean })[],
): AsyncGenerator<string[]> {
  const texts = columns.map(({ name }) => `${quoted(name)}::text`).join(', ');
  const keys = columns.filter(({ isKey }) => isKey).map(({ name }) => name);
  const order = [...(orderBy ?? keys)].map(quoted).join(', ');
  yield* readPages(
    transaction,
    `select to_json(array[${texts}])::text as line from ${table} order by ${order}`,
  );
}

/** Keys of blobs that rows of the snapshot name, each with whether it has to exist. */
export async function* readBlobKeys(
  transaction: Transaction,
  { table, column, keyOf, requiredWhen }: BlobReference,
): AsyncGenerator<{ key: string; isRequired: boolean }[]> {
  const required = requiredWhen === undefined ? 'null' : `${requiredWhen.column}::text`;
  const text = `select to_json(array[${column}::text, ${required}])::text as line from ${table}
    where ${column} is not null order by ${column}`;
  for await (const page of readPages(transaction, text)) {
    yield page.map((line) => {
      const [value, state] = JSON.parse(line) as [string, string | null];
      const isRequired = requiredWhen !== undefined && state === requiredWhen.is;
      return { key: keyOf === undefined ? value : keyOf(value), isRequired };
    });
  }
}

// A cursor, since rows may have any size: pages follow the size of those before.
async function* readPages(transaction: Transaction, query: string): AsyncGenerator<string[]> {
  const run = <Row>(sql: string) =>
    transaction.execute<Row>(plain<Row>(sql), { timeoutMs: READ_TIMEOUT_MS });
  await run(`declare ${CURSOR} no scroll cursor for ${query}`);
  let pageRows = FIRST_PAGE_ROWS;
  for (;;) {
    const { rows } = await run<{ line: string }>(`fetch ${pageRows} from ${CURSOR}`);
    const lines = rows.map(({ line }) => line);
    if (lines.length > 0) yield lines;
    if (lines.length < pageRows) break;
    pageRows = nextPageRows(lines);
  }
  await run(`close ${CURSOR}`);
}

function nextPageRows(lines: readonly string[]): number {
  const bytes = lines.reduce((sum, line) => sum + line.length, 0);
  const fitting = Math.floor((PAGE_BYTES * lines.length) / Math.max(1, bytes));
  return Math.min(PAGE_ROWS_MAX, lines.length * 8, Math.max(1, fitting));
}

const plain = <Row>(sql: string): Statement<Row> => ({ sql, parameters: [] });

// Names come from the catalogue and from declarations, never from outside.
export const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** Facts of the database for the manifest. */
export async function readDatabaseFacts(
  executor: SqlExecutor,
): Promise<{ schemaVersion: number; installationId: string | undefined }> {
  const { rows } = await executor.execute<{ version: number; id: string | null }>({
    sql: `select (select max(version) from schema_migrations) as version,
      (select id from installation limit 1) as id`,
    parameters: [],
  });
  return { schemaVersion: rows[0]?.version ?? 0, installationId: rows[0]?.id ?? undefined };
}
