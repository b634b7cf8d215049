import { type SecretBox, SecretBoxError, sealedBy } from '../../../lib/secret-box.ts';
import type { SealedColumn } from '../../../lib/sealed-column.ts';
import type { Database } from '../../../ports/database.ts';
import { listSealedRows, readCanary, replaceCanary, replaceSealed } from './repository.ts';
import { CANARY_PLACE } from './secret-canary.ts';

const PAGE_SIZE = 200;

export interface SealedCount {
  readonly table: string;
  readonly column: string;
  /** Rows by the id of the key that sealed them; `unknown` for what is no envelope. */
  readonly byKey: Readonly<Record<string, number>>;
}

export interface UnreadableSecret {
  readonly table: string;
  readonly key: string;
  readonly reason: string;
}

export interface Rotation {
  /** Rows that are now under the sealing key and were not before. */
  readonly rewrapped: number;
  /** Rows that were so already. */
  readonly current: number;
  /** Rows that no key opens; they stay as they are, and older keys are still needed for whoever can open them. */
  readonly unreadable: readonly UnreadableSecret[];
}

export interface RotationProgress {
  readonly table: string;
  readonly done: number;
}

/** How many secrets each key has sealed. */
export async function countSecrets(
  database: Database,
  columns: readonly SealedColumn[],
): Promise<SealedCount[]> {
  const counts: SealedCount[] = [];
  for (const column of columns) {
    const byKey: Record<string, number> = {};
    for await (const { envelope } of sealedRows(database, column)) {
      const keyId = sealedBy(envelope) ?? 'unknown';
      byKey[keyId] = (byKey[keyId] ?? 0) + 1;
    }
    counts.push({ table: column.table, column: column.column, byKey });
  }
  return counts;
}

/**
 * Puts every secret under the key of `box` that seals, row by row, while servers read and write them. It may be stopped
 * and run again at any time. The canary comes last: while it opens with an older key only, that key is needed.
 */
export async function rotateSecrets(
  database: Database,
  box: SecretBox,
  options: {
    readonly columns: readonly SealedColumn[];
    readonly onProgress?: (progress: RotationProgress) => void;
  },
): Promise<Rotation> {
  let [rewrapped, current] = [0, 0];
  const unreadable: UnreadableSecret[] = [];
  for (const column of options.columns) {
    let done = 0;
    for await (const row of sealedRows(database, column)) {
      const after = rewrappedOr(box, row.envelope, column.boundTo(row.key));
      if (after instanceof SecretBoxError)
        unreadable.push({ table: column.table, key: row.key, reason: after.message });
      else if (after === row.envelope) current += 1;
      else if (await replaceSealed(database, column, { ...row, before: row.envelope, after }))
        rewrapped += 1;
      done += 1;
    }
    options.onProgress?.({ table: column.table, done });
  }
  if (unreadable.length === 0) await rotateCanary(database, box);
  return { rewrapped, current, unreadable };
}

async function rotateCanary(database: Database, box: SecretBox): Promise<void> {
  const before = await readCanary(database);
  if (before === undefined) return;
  const after = box.rewrap(before, CANARY_PLACE);
  if (after !== before) await replaceCanary(database, { before, after });
}

function rewrappedOr(box: SecretBox, envelope: string, boundTo: string): string | SecretBoxError {
  try {
    return box.rewrap(envelope, boundTo);
  } catch (error) {
    if (error instanceof SecretBoxError) return error;
    throw error;
  }
}

async function* sealedRows(database: Database, column: SealedColumn) {
  for (let after = ''; ; ) {
    const rows = await listSealedRows(database, column, { after, limit: PAGE_SIZE });
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_SIZE) return;
    after = last.key;
  }
}
