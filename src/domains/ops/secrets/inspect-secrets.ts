import type { SealedColumn } from '../../../lib/sealed-column.ts';
import { type SecretBox, SecretBoxError } from '../../../lib/secret-box.ts';
import type { Database } from '../../../ports/database.ts';
import { listSealedRows, readCanary } from './repository.ts';
import { canaryFault } from './secret-canary.ts';

const PAGE_SIZE = 200;
const ROWS_MAX = 2_000;

/** Why the keys do not open what this installation has sealed, or undefined. Seals nothing itself. */
export async function verifyStoredSecretKey(
  database: Database,
  box: SecretBox | undefined,
): Promise<string | undefined> {
  const canary = await readCanary(database);
  return canary === undefined ? undefined : canaryFault(canary, box);
}

/** Rows that no key of the box opens, among the first thousands of each column. */
export async function listUnreadableSecrets(
  database: Database,
  box: SecretBox,
  columns: readonly SealedColumn[],
): Promise<{ looked: number; unreadable: readonly { table: string; key: string }[] }> {
  const unreadable: { table: string; key: string }[] = [];
  let looked = 0;
  for (const column of columns) {
    for await (const { key, envelope } of firstRows(database, column)) {
      looked += 1;
      if (!opens(box, envelope, column.boundTo(key))) unreadable.push({ table: column.table, key });
    }
  }
  return { looked, unreadable };
}

async function* firstRows(database: Database, column: SealedColumn) {
  let after = '';
  for (let seen = 0; seen < ROWS_MAX; seen += PAGE_SIZE) {
    const rows = await listSealedRows(database, column, { after, limit: PAGE_SIZE });
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_SIZE) return;
    after = last.key;
  }
}

function opens(box: SecretBox, envelope: string, place: string): boolean {
  try {
    box.open(envelope, place);
    return true;
  } catch (error) {
    if (error instanceof SecretBoxError) return false;
    throw error;
  }
}
