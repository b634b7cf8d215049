import { AppError, type ErrorDefinition } from '../../../lib/app-error.ts';

export const BACKUP_ERRORS = {
  backup_not_configured: {
    status: 400,
    description:
      'The server does not know where backups go, or for whom: set `LLAMP_BACKUP_TARGETS`, `LLAMP_BACKUP_RECIPIENT` and, with `DATABASE_URL`, `LLAMP_SECRET_KEY`.',
  },
  backup_target_unknown: {
    status: 400,
    description: '`target` is none of `LLAMP_BACKUP_TARGETS`. Leave it out for all of them.',
  },
  backup_run_not_found: {
    status: 400,
    description: 'The cursor `after` names no run of the list. Start again without a cursor.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export type BackupApiErrorCode = keyof typeof BACKUP_ERRORS;

export function backupApiError(code: BackupApiErrorCode, message: string, param: string): AppError {
  return new AppError({ code, message, param, status: BACKUP_ERRORS[code].status });
}
