import type { BackupDeclaration } from '../../lib/backup-declaration.ts';

export const MODELS_BACKUP: BackupDeclaration = {
  kept: [
    { table: 'providers', orderBy: ['created_at', 'id'] },
    { table: 'deployments', orderBy: ['created_at', 'id'] },
    { table: 'models', orderBy: ['created_at', 'id'] },
    { table: 'model_deployments' },
    { table: 'model_fallbacks' },
  ],
  skipped: {},
  blobs: [],
};
