export { AUDIT_ACTION_NAMES, AUDIT_ACTIONS, type AuditAction } from './actions.ts';
export { type AuditEvent, auditEventObject, type Changes } from './audit-event.ts';
export { changedFields } from './changed-fields.ts';
export { type Change, changeStatement, recordChange } from './record-change.ts';
