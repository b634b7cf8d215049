import type { BackupDeclaration } from '../../lib/backup-declaration.ts';

export const USAGE_BACKUP: BackupDeclaration = {
  kept: [
    { table: 'usage_records', orderBy: ['created_at', 'id'], monthColumn: 'created_at' },
    { table: 'limits', orderBy: ['created_at', 'id'] },
    { table: 'budget_spend' },
    { table: 'price_versions', orderBy: ['created_at', 'id'] },
    { table: 'prices' },
  ],
  skipped: {},
  blobs: [],
};
