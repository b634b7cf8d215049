import type { BackupDeclaration } from '../../lib/backup-declaration.ts';
import { checkpointKey } from './checkpoint-store.ts';

export const AUDIT_BACKUP: BackupDeclaration = {
  kept: [
    { table: 'audit_events', orderBy: ['created_at', 'id'], monthColumn: 'created_at' },
    { table: 'audit_seals' },
    { table: 'audit_keys' },
    { table: 'audit_checkpoints' },
  ],
  skipped: {},
  // Only those that the backup's own chain reaches: a later one would say that the chain was cut off. One that was not
  // stored yet is in the log.
  blobs: [
    { table: 'audit_checkpoints', column: 'seq', keyOf: (seq) => checkpointKey(Number(seq)) },
  ],
};
