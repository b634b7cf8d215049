import type { BackupDeclaration } from '../../lib/backup-declaration.ts';

export const GATEWAY_BACKUP: BackupDeclaration = {
  kept: [{ table: 'guardrails', orderBy: ['created_at', 'id'] }],
  skipped: {},
  blobs: [],
};
