import type { Database, Transaction } from '../../../../ports/database.ts';
import { forgetRunningIngestions } from '../../../knowledge/index.ts';
import type { ArchiveReader } from '../archive/archive-reader.ts';
import type { TableEntry } from '../archive/contents.ts';
import { damaged } from '../backup-error.ts';
import { prepareMonths } from '../catalogue.ts';
import {
  advanceSequences,
  clearTable,
  countRows,
  insertRows,
  markRowsRestored,
} from './restore-repository.ts';

const LOAD_TIMEOUT_MS = 12 * 3_600_000;

// The rows that migrations put into new tables; the backup has its own.
const SEEDED_TABLES = ['revisions'];

/** All rows in one transaction: either they are all there, as many as the backup has, or none is. */
export async function loadTables(
  database: Database,
  reader: ArchiveReader,
  tables: readonly TableEntry[],
  {
    signal,
    onTable,
  }: { signal: AbortSignal | undefined; onTable: (table: string, rows: number) => void },
): Promise<void> {
  for (const { table, months } of tables)
    await prepareMonths(
      database,
      table,
      months.map((day) => new Date(`${day}T00:00:00Z`)),
    );
  await database.transaction(
    async (transaction) => {
      for (const table of SEEDED_TABLES) await clearTable(transaction, table);
      for (const entry of tables) {
        signal?.throwIfAborted();
        await loadTable(transaction, reader, entry);
        onTable(entry.table, entry.rows);
      }
      await forgetRunningIngestions(transaction);
      await markRowsRestored(transaction);
    },
    { timeoutMs: LOAD_TIMEOUT_MS, signal },
  );
}

async function loadTable(
  transaction: Transaction,
  reader: ArchiveReader,
  { table, columns, chunks, rows }: TableEntry,
): Promise<void> {
  for (const chunk of chunks)
    await insertRows(transaction, table, columns, await reader.readLines(chunk));
  const count = await countRows(transaction, table);
  if (count !== rows) throw damaged(`${table} has ${count} rows instead of ${rows}`);
  await advanceSequences(transaction, table);
}
