import type { Log } from '../../../lib/log.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import { readMigrationFiles } from './migration-file.ts';
import { withMigrationLock } from './migration-lock.ts';
import {
  applyMigration,
  createMigrationTables,
  listAppliedMigrations,
  recordExtensionVersion,
} from './repository.ts';
import { checkApplied, pendingExtensions, type SchemaExtension } from './schema-status.ts';

export interface MigrateOptions {
  /** Folder of the migration files. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Highest version to apply; by default all. */
  readonly upTo?: number;
  /** Applied after the files, under the same lock. */
  readonly extensions?: readonly SchemaExtension[];
}

export interface MigrateResult {
  /** Schema version before. */
  readonly from: number;
  /** Schema version now. */
  readonly to: number;
  /** Names of the files and extensions that were applied, in order. */
  readonly applied: readonly string[];
}

/**
 * Brings the database to the schema of this release: each file in one transaction with its record. Any number of
 * processes may call it at once; the first does the work. On a server it needs two sessions.
 */
export async function migrate(database: Database, options: MigrateOptions): Promise<MigrateResult> {
  const files = await readMigrationFiles(options.directory);
  return await withMigrationLock(database, options.clock, async () => {
    await createMigrationTables(database);
    const recorded = await listAppliedMigrations(database);
    checkApplied(files, recorded);
    const from = recorded.length;
    const pending = files.slice(from, options.upTo);
    for (const file of pending) {
      await applyMigration(database, file, options.clock.now());
      options.log.info({ migration: file.fileName }, 'migration applied');
    }
    const extensions = await applyExtensions(database, options);
    return {
      from,
      to: from + pending.length,
      applied: [...pending.map((file) => file.fileName), ...extensions],
    };
  });
}

async function applyExtensions(database: Database, options: MigrateOptions): Promise<string[]> {
  const pending = await pendingExtensions(database, options.extensions ?? []);
  for (const extension of pending) {
    const { name } = extension;
    const version = extension.version();
    await extension.apply(database);
    await recordExtensionVersion(database, name, version, options.clock.now());
    options.log.info({ extension: name, version }, 'schema extension applied');
  }
  return pending.map((extension) => extension.name);
}
