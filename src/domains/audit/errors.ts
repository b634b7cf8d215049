import { AppError, type ErrorDefinition } from '../../lib/app-error.ts';

export const AUDIT_ERRORS = {
  audit_event_not_found: {
    status: 400,
    description:
      'The cursor `after` names no audit event of this organization. Start again without a cursor.',
  },
  audit_unavailable: {
    status: 503,
    description:
      'What is read has to be written down (`LLAMP_AUDIT_MODE=strict`), and the database has not taken it for a while. Try again; `llamp_audit_dropped_total` and the log tell more.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export const auditEventNotFound = (id: string) =>
  new AppError({
    code: 'audit_event_not_found',
    status: AUDIT_ERRORS.audit_event_not_found.status,
    message: `No audit event with id '${id}' in this organization.`,
    param: 'after',
  });

export const auditUnavailable = () =>
  new AppError({
    code: 'audit_unavailable',
    status: AUDIT_ERRORS.audit_unavailable.status,
    message: 'The audit log takes nothing at the moment, so nothing is read out. Try again.',
    retryable: true,
    retryAfterMs: 1_000,
  });
