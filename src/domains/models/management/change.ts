import type { OutboundGuard } from '../../../lib/outbound-guard/index.ts';
import type { SecretBox } from '../../../lib/secret-box.ts';
import type { Clock } from '../../../ports/clock.ts';
import { type Database, DatabaseError, type Transaction } from '../../../ports/database.ts';
import { type AuditAction, changedFields, recordChange } from '../../audit/index.ts';
import type { Changer } from '../../identity/index.ts';
import type { ModelsFile } from '../definitions/models-file.ts';
import { configuredByFile, nameTaken } from '../errors.ts';
import { announceChange } from './revision-repository.ts';

export interface ManagementContext {
  readonly database: Database;
  readonly clock: Clock;
  /** For addresses that users set. */
  readonly guard: OutboundGuard;
  /** Undefined: this installation has no key, and credentials cannot be stored. */
  readonly box: SecretBox | undefined;
  /** The configuration file as it is in force. */
  readonly file: () => ModelsFile;
  /** Resolves when the committed change is in force in this process. */
  readonly onChange: () => Promise<void>;
}

const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';

/** One change with its announcement, in force here when it returns. `name` is what it wants to be called. */
export async function commitChange<T>(
  { database, onChange }: ManagementContext,
  name: string,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  const result = await database
    .transaction(async (transaction) => {
      const changed = await work(transaction);
      await announceChange(transaction);
      return changed;
    })
    .catch((error: unknown) => {
      throw isViolation(error, UNIQUE_VIOLATION) ? nameTaken(name) : error;
    });
  await onChange();
  return result;
}

/** What becomes of one provider, deployment or model. */
export interface EntryChange {
  readonly changer: Changer;
  readonly action: AuditAction;
  readonly id: string;
  readonly before: object | null;
  readonly after: object | null;
}

/** Writes it down, in the transaction of the change. */
export async function recordEntry(
  transaction: Transaction,
  { clock }: ManagementContext,
  { changer, action, id, before, after }: EntryChange,
): Promise<void> {
  const kind = action.slice(0, action.indexOf('.') - 1);
  const changes = changedFields(before, after);
  const change = { action, resource: { kind, id }, projectId: null, changes };
  await recordChange(transaction, clock, changer, change);
}

/** True when something refers to what was deleted, or what was referred to is gone. */
export function isForeignKeyViolation(error: unknown): boolean {
  return isViolation(error, FOREIGN_KEY_VIOLATION);
}

function isViolation(error: unknown, sqlState: string): boolean {
  return error instanceof DatabaseError && error.sqlState === sqlState;
}

/** Names of the file belong to the file. */
export function refuseFileName(
  entries: readonly { readonly name: string }[],
  name: string,
  param: string,
): void {
  if (entries.some((entry) => entry.name === name)) throw configuredByFile(name, param);
}

/** Entries of the file are read-only. */
export function refuseFileEntry(
  entries: readonly { readonly id: string; readonly name: string }[],
  id: string,
  param: string,
): void {
  const entry = entries.find((one) => one.id === id);
  if (entry !== undefined) throw configuredByFile(entry.name, param);
}
