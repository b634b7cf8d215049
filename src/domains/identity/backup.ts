import type { BackupDeclaration } from '../../lib/backup-declaration.ts';

export const IDENTITY_BACKUP: BackupDeclaration = {
  kept: [
    { table: 'installation' },
    { table: 'organizations', orderBy: ['created_at', 'id'] },
    { table: 'projects', orderBy: ['created_at', 'id'] },
    { table: 'users', orderBy: ['created_at', 'id'] },
    { table: 'organization_members' },
    { table: 'project_members' },
    { table: 'api_keys', orderBy: ['created_at', 'id'] },
    { table: 'one_time_links' },
    { table: 'invitations', orderBy: ['created_at', 'id'] },
    { table: 'second_factors' },
    { table: 'recovery_codes' },
    { table: 'revisions' },
    { table: 'signing_keys' },
  ],
  skipped: {
    sessions: 'people sign in again: a restored session would outlive its end',
    refresh_tokens: 'belong to sessions',
    sign_in_tickets: 'live for five minutes',
    sign_in_attempts: 'counts of the last minutes',
  },
  blobs: [],
};
