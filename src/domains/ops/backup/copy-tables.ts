import type { KeptTable } from '../../../lib/backup-declaration.ts';
import type { Database, Transaction } from '../../../ports/database.ts';
import type { ArchiveWriter } from './archive/archive-writer.ts';
import type { TableEntry } from './archive/contents.ts';
import { BLOB_REFERENCES, KEPT_TABLES } from './catalogue.ts';
import { RowCutter } from './rows/row-cutter.ts';
import { RowSpool } from './rows/row-spool.ts';
import {
  beginSnapshot,
  readBlobKeys,
  readColumns,
  readDatabaseFacts,
  readMonths,
  readRows,
} from './rows/snapshot-repository.ts';

const HOUR_MS = 3_600_000;
const SNAPSHOT_TIMEOUT_MS = 12 * HOUR_MS;

export interface CopiedTables {
  readonly consistentAt: Date;
  readonly schemaVersion: number;
  readonly installationId: string;
  readonly tables: readonly TableEntry[];
  /** What the rows name, and whether it must exist. */
  readonly blobs: ReadonlyMap<string, boolean>;
}

export interface CopyTablesOptions {
  readonly database: Database;
  readonly writer: ArchiveWriter;
  /** A folder of its own, for the rows of the embedded database. */
  readonly spoolDirectory: string;
  readonly signal: AbortSignal | undefined;
  onTable(table: string, rows: number): Promise<void>;
}

type Described = Pick<TableEntry, 'table' | 'columns' | 'months'>;
type Sink = (described: Described, pages: AsyncIterable<string[]>) => Promise<void>;

/** All tables as they stood at one moment. */
export async function copyTables(options: CopyTablesOptions): Promise<CopiedTables> {
  if (options.database.capabilities.concurrentSessions) {
    const tables: TableEntry[] = [];
    const facts = await readSnapshot(options, async (described, pages) => {
      tables.push(await copyRows(options, described, pages));
    });
    return { ...facts, tables };
  }
  // The only session: its rows go to the disk first, so that everybody else waits as shortly as possible.
  const spool = await RowSpool.open(options.spoolDirectory);
  try {
    const spooled: Described[] = [];
    const facts = await readSnapshot(options, async (described, pages) => {
      await spool.begin(described.table);
      for await (const lines of pages) await spool.write(lines);
      spooled.push(described);
    });
    const tables: TableEntry[] = [];
    for (const described of spooled)
      tables.push(await copyRows(options, described, spool.read(described.table)));
    return { ...facts, tables };
  } finally {
    await spool.remove();
  }
}

async function readSnapshot(
  { database, signal }: CopyTablesOptions,
  sink: Sink,
): Promise<Omit<CopiedTables, 'tables'>> {
  return await database.transaction(
    async (transaction) => {
      const consistentAt = await beginSnapshot(transaction);
      const { schemaVersion, installationId } = await readDatabaseFacts(transaction);
      for (const kept of KEPT_TABLES) await readTable(transaction, kept, sink);
      const blobs = await blobKeysOf(transaction);
      return { consistentAt, schemaVersion, installationId: installationId ?? '', blobs };
    },
    { timeoutMs: SNAPSHOT_TIMEOUT_MS, signal },
  );
}

async function readTable(transaction: Transaction, kept: KeptTable, sink: Sink): Promise<void> {
  const { table, monthColumn } = kept;
  const columns = await readColumns(transaction, table);
  const months = monthColumn === undefined ? [] : await readMonths(transaction, table, monthColumn);
  const described = {
    table,
    months,
    columns: columns.map(({ name, type }) => ({ name, type })),
  };
  await sink(described, readRows(transaction, kept, columns));
}

async function copyRows(
  { writer, onTable }: CopyTablesOptions,
  described: Described,
  pages: AsyncIterable<string[]>,
): Promise<TableEntry> {
  const cutter = new RowCutter();
  const chunks: string[] = [];
  let rows = 0;
  const store = async (chunk: Buffer | undefined) => {
    if (chunk !== undefined) chunks.push(await writer.add(chunk));
  };
  for await (const lines of pages) {
    for (const line of lines) await store(cutter.add(line));
    rows += lines.length;
  }
  await store(cutter.end());
  await onTable(described.table, rows);
  return { kind: 'table', ...described, rows, chunks };
}

async function blobKeysOf(transaction: Transaction): Promise<Map<string, boolean>> {
  const keys = new Map<string, boolean>();
  for (const reference of BLOB_REFERENCES) {
    for await (const page of readBlobKeys(transaction, reference)) {
      for (const { key, isRequired } of page) keys.set(key, isRequired || keys.get(key) === true);
    }
  }
  return keys;
}
