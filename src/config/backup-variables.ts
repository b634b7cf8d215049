import {
  checkBackupKeep,
  checkBackupRecipient,
  checkBackupTarget,
  checkCron,
} from './value-checks.ts';
import { list, text, url } from './variable.ts';

/** Part of the schema: where backups go, who can open them, when they are made and how many stay. */
export const BACKUP_VARIABLES = {
  LLAMP_BACKUP_TARGETS: list({
    group: 'backup',
    summary:
      'Where backups go: folders, or `s3://bucket/prefix`; several for copies in several places. See docs/operations/backup.md.',
    check: checkBackupTarget,
    example: '/backups/llamp,s3://llamp-backups/production',
  }),
  LLAMP_BACKUP_RECIPIENT: text({
    group: 'backup',
    summary:
      'Whose identity opens the backups: `age1…`, made by `llamp backup keygen`. The identity belongs on no server.',
    check: checkBackupRecipient,
    example: 'age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq',
  }),
  LLAMP_BACKUP_SCHEDULE: text({
    group: 'backup',
    summary:
      'When the server backs up by itself: five fields of cron, UTC. Not set: only when it is asked to.',
    check: checkCron,
    example: '30 2 * * *',
  }),
  LLAMP_BACKUP_KEEP: text({
    group: 'backup',
    summary:
      'How many backups stay when older ones are pruned: one for each of so many days, weeks and months.',
    check: checkBackupKeep,
    default: '7,4,12',
    example: '14,8,24',
  }),
  LLAMP_BACKUP_S3_ENDPOINT: url({
    group: 'backup',
    summary: 'S3 API of `s3://` targets. Not set: `MINIO_ENDPOINT`.',
    schemes: ['http', 'https'],
    file: true,
    example: 'https://s3.eu-central-1.amazonaws.com',
  }),
  LLAMP_BACKUP_S3_ACCESS_KEY: text({
    group: 'backup',
    summary: 'Access key for `s3://` targets. Not set: `MINIO_ACCESS_KEY`.',
    secret: true,
    file: true,
    example: 'llamp-backup',
  }),
  LLAMP_BACKUP_S3_SECRET_KEY: text({
    group: 'backup',
    summary: 'Secret key for `s3://` targets. Not set: `MINIO_SECRET_KEY`.',
    secret: true,
    file: true,
    example: 'a-long-random-secret',
  }),
};
