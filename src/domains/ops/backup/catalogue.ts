import type {
  BackupDeclaration,
  BlobReference,
  KeptTable,
} from '../../../lib/backup-declaration.ts';
import type { Database } from '../../../ports/database.ts';
import { AUDIT_BACKUP } from '../../audit/backup.ts';
import { ensureAuditPartitions } from '../../audit/index.ts';
import { GATEWAY_BACKUP } from '../../gateway/backup.ts';
import { IDENTITY_BACKUP } from '../../identity/backup.ts';
import { KNOWLEDGE_BACKUP } from '../../knowledge/backup.ts';
import { MODELS_BACKUP } from '../../models/backup.ts';
import { USAGE_BACKUP } from '../../usage/backup.ts';
import { ensureUsagePartitions } from '../../usage/index.ts';

const OPS_BACKUP: BackupDeclaration = {
  kept: [{ table: 'secret_canary' }],
  skipped: {
    backup_runs: 'say what happened in this installation, not in the restored one',
    restore_in_progress: 'marks an installation that is not whole',
    schema_migrations: 'written by the migrations that make the tables',
    schema_extensions: 'written by the migrations that make the tables',
  },
  blobs: [],
};

// Lower domains first: rows refer to those below them only.
const DECLARATIONS: readonly BackupDeclaration[] = [
  IDENTITY_BACKUP,
  AUDIT_BACKUP,
  USAGE_BACKUP,
  MODELS_BACKUP,
  GATEWAY_BACKUP,
  KNOWLEDGE_BACKUP,
  OPS_BACKUP,
];

/** Every table that a backup holds, in the order in which rows can be put back. */
export const KEPT_TABLES: readonly KeptTable[] = DECLARATIONS.flatMap(({ kept }) => kept);

/** Every table of ours that it leaves out, with the reason. */
export const SKIPPED_TABLES: Readonly<Record<string, string>> = Object.assign(
  {},
  ...DECLARATIONS.map(({ skipped }) => skipped),
);

/** Jobs are not in a backup: files that wait for their ingestion are found and put into the queue again. */
export const SKIPPED_SCHEMAS: readonly string[] = ['pgboss'];

export const BLOB_REFERENCES: readonly BlobReference[] = DECLARATIONS.flatMap(({ blobs }) => blobs);

const MONTH_PREPARERS: Readonly<
  Record<string, (database: Database, month: Date) => Promise<void>>
> = {
  audit_events: (database, month) => ensureAuditPartitions(database, month, 0),
  usage_records: (database, month) => ensureUsagePartitions(database, month, 0),
};

/** Makes the parts of a partitioned table for months that its rows fall into. */
export async function prepareMonths(
  database: Database,
  table: string,
  months: readonly Date[],
): Promise<void> {
  const prepare = MONTH_PREPARERS[table];
  if (prepare === undefined) return;
  for (const month of months) await prepare(database, month);
}
