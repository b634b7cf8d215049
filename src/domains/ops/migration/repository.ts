import type { Database, SqlExecutor, Transaction } from '../../../ports/database.ts';
import type { MigrationFile } from './migration-file.ts';

export interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
}

// Any number will do as long as nothing else in the database uses it: the ASCII codes of `llmp`.
const LOCK_KEY = 0x6c6c6d70;
const MAX_MIGRATIONS = 10_000;
const HOUR_MS = 60 * 60_000;

/** Tables of the runner itself; they cannot come from a migration. */
export async function createMigrationTables(database: Database): Promise<void> {
  await database.executeScript(`
    create table if not exists schema_migrations (
      version integer primary key,
      name text not null,
      checksum text not null,
      applied_at timestamptz not null
    );
    create table if not exists schema_extensions (
      name text primary key,
      version integer not null,
      applied_at timestamptz not null
    );`);
}

async function hasMigrationTables(database: SqlExecutor): Promise<boolean> {
  const { rows } = await database.execute<{ present: boolean }>({
    sql: "select to_regclass('schema_extensions') is not null as present",
    parameters: [],
  });
  return rows[0]?.present === true;
}

/** Whether a restore has begun here and not ended. */
export async function hasUnfinishedRestore(database: SqlExecutor): Promise<boolean> {
  const { rows } = await database.execute<{ present: boolean }>({
    sql: "select to_regclass('restore_in_progress') is not null as present",
    parameters: [],
  });
  return rows[0]?.present === true;
}

export async function listAppliedMigrations(database: SqlExecutor): Promise<AppliedMigration[]> {
  if (!(await hasMigrationTables(database))) return [];
  const { rows } = await database.execute<AppliedMigration>({
    sql: 'select version, name, checksum from schema_migrations order by version limit $1',
    parameters: [MAX_MIGRATIONS],
  });
  return rows;
}

/** Version of the schema; 0 for an empty database. */
export async function appliedSchemaVersion(database: SqlExecutor): Promise<number> {
  return (await listAppliedMigrations(database)).at(-1)?.version ?? 0;
}

/** Runs the file and records it: both or neither. */
export async function applyMigration(
  database: Database,
  file: MigrationFile,
  appliedAt: Date,
): Promise<void> {
  await database.transaction(
    async (transaction) => {
      await transaction.execute({ sql: file.sql, parameters: [] }, { timeoutMs: HOUR_MS });
      await transaction.execute({
        sql: `insert into schema_migrations (version, name, checksum, applied_at)
              values ($1, $2, $3, $4)`,
        parameters: [file.version, file.fileName, file.checksum, appliedAt],
      });
    },
    { timeoutMs: HOUR_MS },
  );
}

/** Version of an extension's schema; 0 when it was never applied. */
export async function readExtensionVersion(database: SqlExecutor, name: string): Promise<number> {
  if (!(await hasMigrationTables(database))) return 0;
  const { rows } = await database.execute<{ version: number }>({
    sql: 'select version from schema_extensions where name = $1',
    parameters: [name],
  });
  return rows[0]?.version ?? 0;
}

export async function recordExtensionVersion(
  database: SqlExecutor,
  name: string,
  version: number,
  appliedAt: Date,
): Promise<void> {
  await database.execute({
    sql: `insert into schema_extensions (name, version, applied_at) values ($1, $2, $3)
          on conflict (name) do update set version = excluded.version, applied_at = excluded.applied_at`,
    parameters: [name, version, appliedAt],
  });
}

/** Holds for the rest of the transaction; false when another session has it. */
export async function tryMigrationLock(transaction: Transaction): Promise<boolean> {
  const { rows } = await transaction.execute<{ locked: boolean }>({
    sql: 'select pg_try_advisory_xact_lock($1) as locked',
    parameters: [LOCK_KEY],
  });
  return rows[0]?.locked === true;
}
