export { signerFingerprint } from './archive/archive-key.ts';
export { ArchiveStore, type ListedBackup } from './archive/archive-store.ts';
export { ArchiveReader } from './archive/archive-reader.ts';
export type { Manifest } from './archive/manifest.ts';
export { BACKUP_QUEUES, type BackupPlan, startBackupJobs } from './backup-jobs.ts';
export { BackupError } from './backup-error.ts';
export { KEPT_TABLES, SKIPPED_SCHEMAS, SKIPPED_TABLES } from './catalogue.ts';
export {
  type BackupProgress,
  type BackupSource,
  type CreateOptions,
  createBackup,
} from './create-backup.ts';
export { BackupService, type BackupServiceOptions } from './backup-service.ts';
export { findBackup, NO_OPENERS, type Openers, readSecretKeys, requireKey } from './open-backup.ts';
export {
  KEEP_DEFAULT,
  type KeepRule,
  keptBackups,
  pruneBackups,
  type PruneResult,
} from './prune-backups.ts';
export { BACKUP_ERRORS } from './errors.ts';
export { recordedRun } from './recorded-run.ts';
export { backupRoutes } from './routes.ts';
export { type BackupRun, lastSuccesses } from './run-repository.ts';
export { decryptWithIdentity, encryptForRecipient } from './recovery/age-file.ts';
export {
  generateRecoveryKey,
  parseIdentityFile,
  parseRecipient,
  type RecoveryKeyPair,
} from './recovery/recovery-key.ts';
export {
  type RestoreOptions,
  type RestoreProgress,
  type RestoreResult,
  type RestoreTarget,
  restoreBackup,
} from './restore/restore-backup.ts';
export {
  VERIFY_LEVELS,
  type VerifyLevel,
  type VerifyOptions,
  type VerifyResult,
  verifyBackup,
} from './verify-backup.ts';
