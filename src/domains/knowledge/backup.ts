import type { BackupDeclaration } from '../../lib/backup-declaration.ts';

export const KNOWLEDGE_BACKUP: BackupDeclaration = {
  kept: [
    { table: 'files', orderBy: ['created_at', 'id'] },
    { table: 'vector_stores', orderBy: ['created_at', 'id'] },
    { table: 'file_batches', orderBy: ['created_at', 'id'] },
    { table: 'vector_store_files', orderBy: ['created_at', 'vector_store_id', 'file_id'] },
    { table: 'generations', orderBy: ['created_at', 'id'] },
    { table: 'chunks' },
  ],
  skipped: {
    pending_blobs: 'uploads that have not ended: their bytes are in no backup',
    blob_holds: 'of backups that run now',
  },
  blobs: [
    { table: 'files', column: 'blob_key', requiredWhen: { column: 'deleted_at', is: null } },
    // The index is made from these; superseded generations may have lost theirs already.
    {
      table: 'generations',
      column: 'pack_blob_key',
      requiredWhen: { column: 'state', is: 'current' },
    },
  ],
};
