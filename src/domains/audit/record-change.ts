import type { Clock } from '../../ports/clock.ts';
import type { SqlExecutor, Statement } from '../../ports/database.ts';
import type { Changer, RequestOrigin } from '../identity/index.ts';
import { AUDIT_ACTIONS, type AuditAction } from './actions.ts';
import type { AuditEvent, AuditOutcome, Changes } from './audit-event.ts';
import { storableChanges } from './changed-fields.ts';
import { insertAuditEvents } from './repository.ts';

const USER_AGENT_LENGTH_MAX = 256;
const REASON_LENGTH_MAX = 256;

export interface Change {
  readonly action: AuditAction;
  readonly resource: { readonly kind: string; readonly id: string | null };
  /** Null for what belongs to the organization; by default the project of whoever acts. */
  readonly projectId?: string | null;
  readonly changes?: Changes;
  readonly outcome?: AuditOutcome;
  readonly reason?: string;
}

/** Somebody that is not known, at a place that is public. */
export interface Anonymous {
  readonly kind: 'anonymous';
  readonly organizationId: string | null;
  readonly origin?: RequestOrigin;
}

/** Writes a change down in its own transaction: they exist together, or neither does. */
export async function recordChange(
  transaction: SqlExecutor,
  clock: Clock,
  changer: Changer,
  change: Change,
): Promise<void> {
  await transaction.execute(changeStatement(clock, changer, change));
}

/** The same as a statement, for changes that are one batch. */
export function changeStatement(clock: Clock, changer: Changer, change: Change): Statement {
  return insertAuditEvents([auditEvent(clock, changer, change)]);
}

/** An event as it is stored. */
export function auditEvent(clock: Clock, actor: Changer | Anonymous, change: Change): AuditEvent {
  const { origin } = actor;
  return {
    id: clock.newId('audit_'),
    created_at: clock.now(),
    organization_id: actor.organizationId,
    ...actorFields(actor),
    actor_address: origin?.address ?? null,
    actor_user_agent: printable(origin?.userAgent, USER_AGENT_LENGTH_MAX),
    action: change.action,
    resource_kind: change.resource.kind,
    resource_id: change.resource.id,
    project_id:
      change.projectId === undefined
        ? actor.kind === 'anonymous'
          ? null
          : (actor.projectId ?? null)
        : change.projectId,
    outcome: change.outcome ?? 'success',
    reason: printable(change.reason, REASON_LENGTH_MAX),
    request_id: origin?.requestId ?? null,
    changes: storableChanges(change.changes),
    data_class: AUDIT_ACTIONS[change.action],
  };
}

function actorFields(actor: Changer | Anonymous) {
  if (actor.kind === 'anonymous') {
    return { actor_kind: actor.kind, actor_id: null, actor_user_id: null, actor_key_id: null };
  }
  const { kind = 'service', apiKeyId = null, userId = null } = actor;
  return {
    actor_kind: kind,
    actor_id: kind === 'user' ? userId : apiKeyId,
    actor_user_id: userId,
    actor_key_id: apiKeyId,
  };
}

function printable(text: string | null | undefined, lengthMax: number): string | null {
  if (text === null || text === undefined) return null;
  return text
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, ' ')
    .slice(0, lengthMax);
}
