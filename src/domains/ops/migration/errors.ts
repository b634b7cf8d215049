export type SchemaErrorCode =
  /** A migration file was edited after it ran here. */
  | 'migration_changed'
  /** A version is missing, among the files or in the database. */
  | 'migration_gap'
  /** The database was migrated by a newer release. */
  | 'schema_newer'
  /** The database waits for `llamp migrate`. */
  | 'schema_outdated'
  /** A backup was being restored into the database, and that has not ended. */
  | 'restore_unfinished'
  /** Another process has been migrating for too long. */
  | 'migration_locked';

/** Why this release cannot work with the schema of the database; the message says what to do. */
export class SchemaError extends Error {
  readonly code: SchemaErrorCode;
  constructor(code: SchemaErrorCode, message: string) {
    super(message);
    this.name = 'SchemaError';
    this.code = code;
  }
}

export function changedError(fileName: string): SchemaError {
  return new SchemaError(
    'migration_changed',
    `migration ${fileName} was changed after it was applied to this database: restore the file of the release`,
  );
}

export function missingFileError(version: number, directory: string): SchemaError {
  return new SchemaError('migration_gap', `migration ${version} is missing in ${directory}`);
}

export function missingRowError(fileName: string): SchemaError {
  return new SchemaError(
    'migration_gap',
    `migration ${fileName} is not recorded in the database although later ones are: restore a backup`,
  );
}

export function newerError(current: number, expected: number): SchemaError {
  return new SchemaError(
    'schema_newer',
    `the database is at schema ${current} and this release knows ${expected}: start a newer release or restore a backup`,
  );
}

export function newerExtensionError(name: string, current: number, expected: number): SchemaError {
  return new SchemaError(
    'schema_newer',
    `the schema of the ${name} is at version ${current} and this release knows ${expected}: start a newer release or restore a backup`,
  );
}

export function outdatedError(current: number, expected: number): SchemaError {
  return new SchemaError(
    'schema_outdated',
    `the database is at schema ${current} and this release needs ${expected}: run \`llamp migrate\``,
  );
}

export function outdatedExtensionError(
  name: string,
  current: number,
  expected: number,
): SchemaError {
  return new SchemaError(
    'schema_outdated',
    `the schema of the ${name} is at version ${current} and this release needs ${expected}: run \`llamp migrate\``,
  );
}

export function unfinishedRestoreError(): SchemaError {
  return new SchemaError(
    'restore_unfinished',
    'a restore into this installation has not ended, so it serves nobody: run the same `llamp backup restore` again',
  );
}

export function lockedError(waitedMs: number): SchemaError {
  return new SchemaError(
    'migration_locked',
    `another process has been migrating this database for ${Math.round(waitedMs / 1000)} s: wait for it or stop it`,
  );
}
