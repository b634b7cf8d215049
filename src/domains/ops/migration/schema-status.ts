import type { Database } from '../../../ports/database.ts';
import {
  changedError,
  missingRowError,
  newerError,
  newerExtensionError,
  outdatedError,
  outdatedExtensionError,
  unfinishedRestoreError,
} from './errors.ts';
import { type MigrationFile, readMigrationFiles } from './migration-file.ts';
import {
  type AppliedMigration,
  hasUnfinishedRestore,
  listAppliedMigrations,
  readExtensionVersion,
} from './repository.ts';

/** A schema that another part brings along with its own SQL, such as the job queue's. */
export interface SchemaExtension {
  /** For messages and the record, for example `job queue`. */
  readonly name: string;
  /** What this release brings; from 1. */
  version(): number;
  /** Creates its schema or brings it up to `version()`; must be repeatable after a failure. */
  apply(database: Database): Promise<void>;
}

export interface SchemaStatus {
  /** Highest version in the database; 0 when it is empty. */
  readonly current: number;
  /** Highest version that this release knows. */
  readonly expected: number;
  /** File names that `migrate` would apply. */
  readonly pending: readonly string[];
  /** Recorded versions that this release does not know. */
  readonly unknown: readonly number[];
}

/** Compares the database with the files of this release. Reads only. */
export async function schemaStatus(database: Database, directory: string): Promise<SchemaStatus> {
  return compareSchema(await readMigrationFiles(directory), await listAppliedMigrations(database));
}

/** Throws a `SchemaError` whose sentence says what to do unless the database is exactly what this release needs. */
export async function requireCurrentSchema(
  database: Database,
  directory: string,
  extensions: readonly SchemaExtension[] = [],
): Promise<void> {
  if (await hasUnfinishedRestore(database)) throw unfinishedRestoreError();
  const files = await readMigrationFiles(directory);
  const applied = await listAppliedMigrations(database);
  checkApplied(files, applied);
  const status = compareSchema(files, applied);
  if (status.pending.length > 0) throw outdatedError(status.current, status.expected);
  for (const { name, version } of await pendingExtensions(database, extensions))
    throw outdatedExtensionError(name, await readExtensionVersion(database, name), version());
}

export function compareSchema(
  files: readonly MigrationFile[],
  applied: readonly AppliedMigration[],
): SchemaStatus {
  const current = applied.at(-1)?.version ?? 0;
  const expected = files.at(-1)?.version ?? 0;
  return {
    current,
    expected,
    pending: files.filter((file) => file.version > current).map((file) => file.fileName),
    unknown: applied.filter((row) => row.version > expected).map((row) => row.version),
  };
}

/** What is recorded must be the first part of the files, unchanged. */
export function checkApplied(
  files: readonly MigrationFile[],
  applied: readonly AppliedMigration[],
): void {
  const { current, expected, unknown } = compareSchema(files, applied);
  if (unknown.length > 0) throw newerError(current, expected);
  const checksums = new Map(applied.map((row) => [row.version, row.checksum]));
  for (const file of files.filter((each) => each.version <= current)) {
    const checksum = checksums.get(file.version);
    if (checksum === undefined) throw missingRowError(file.fileName);
    if (checksum !== file.checksum) throw changedError(file.fileName);
  }
}

export async function pendingExtensions(
  database: Database,
  extensions: readonly SchemaExtension[],
): Promise<SchemaExtension[]> {
  const pending: SchemaExtension[] = [];
  for (const extension of extensions) {
    const current = await readExtensionVersion(database, extension.name);
    if (current > extension.version())
      throw newerExtensionError(extension.name, current, extension.version());
    if (current < extension.version()) pending.push(extension);
  }
  return pending;
}
