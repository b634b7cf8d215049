export { AUDIT_MODES, type AuditMode } from './access-recorder.ts';
export {
  ACCESS_ROUTES,
  CHANGE_ROUTES,
  pathBelowPrefix,
  UNRECORDED_ROUTES,
} from './access-routes.ts';
export { AUDIT_ACTION_NAMES, AUDIT_ACTIONS, type AuditAction } from './actions.ts';
export { type AuditEvent, auditEventObject, type Changes } from './audit-event.ts';
export { changedFields } from './changed-fields.ts';
export {
  type Checkpoint,
  keyFingerprint,
  parseCheckpoint,
  SEALED_AUDIT_KEYS,
} from './checkpoint.ts';
export { readCheckpoints } from './checkpoint-store.ts';
export { AUDIT_ERRORS } from './errors.ts';
export { exportEvents } from './export-events.ts';
export { type Audit, type AuditOptions, openAudit } from './open-audit.ts';
export { type Change, changeStatement, recordChange } from './record-change.ts';
export { ensureAuditPartitions } from './repository.ts';
export { sqlSealedLog } from './sql-sealed-log.ts';
export { type Verification, verifyChain } from './verify-chain.ts';
