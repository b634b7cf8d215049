import type { AuditAction, DataClass } from './actions.ts';

export const ACTOR_KINDS = ['user', 'api_key', 'service', 'anonymous'] as const;
export type ActorKind = (typeof ACTOR_KINDS)[number];

export const AUDIT_OUTCOMES = ['success', 'denied', 'failed'] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

export interface FieldChange {
  readonly before?: unknown;
  readonly after?: unknown;
}
export type Changes = Readonly<Record<string, FieldChange>>;

/** A row of `audit_events` as it is inserted, and as it is hashed. */
export interface AuditEvent {
  readonly id: string;
  readonly created_at: Date;
  /** Null when nobody knows yet whose it would be. */
  readonly organization_id: string | null;
  readonly project_id: string | null;
  readonly actor_kind: ActorKind;
  readonly actor_id: string | null;
  readonly actor_user_id: string | null;
  readonly actor_key_id: string | null;
  readonly actor_address: string | null;
  readonly actor_user_agent: string | null;
  readonly action: AuditAction;
  readonly resource_kind: string;
  readonly resource_id: string | null;
  readonly outcome: AuditOutcome;
  readonly reason: string | null;
  readonly request_id: string | null;
  readonly changes: Changes | null;
  readonly data_class: DataClass;
}

/** As the API and the export show it. */
export function auditEventObject(event: AuditEvent) {
  return {
    id: event.id,
    object: 'audit.event' as const,
    created_at: event.created_at.toISOString(),
    organization_id: event.organization_id,
    project_id: event.project_id,
    actor: {
      kind: event.actor_kind,
      id: event.actor_id,
      user_id: event.actor_user_id,
      key_id: event.actor_key_id,
      address: event.actor_address,
      user_agent: event.actor_user_agent,
    },
    action: event.action,
    resource: { kind: event.resource_kind, id: event.resource_id },
    outcome: event.outcome,
    reason: event.reason,
    request_id: event.request_id,
    changes: event.changes,
    data_class: event.data_class,
  };
}
