export {
  copyDatabaseFolder,
  keepPreMigrationCopy,
  type PreMigrationCopyOptions,
} from './database-folder-copy.ts';
export { SchemaError, type SchemaErrorCode } from './errors.ts';
export { appliedSchemaVersion } from './repository.ts';
export { type MigrateOptions, type MigrateResult, migrate } from './runner.ts';
export {
  requireCurrentSchema,
  type SchemaExtension,
  type SchemaStatus,
  schemaStatus,
} from './schema-status.ts';
