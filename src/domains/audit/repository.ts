import type { Database, SqlExecutor, Statement } from '../../ports/database.ts';
import type { AuditEvent, AuditOutcome } from './audit-event.ts';

const COLUMNS = `id, created_at, organization_id, project_id, actor_kind, actor_id, actor_user_id, actor_key_id,
  actor_address, actor_user_agent, action, resource_kind, resource_id, outcome, reason, request_id, changes, data_class`;

/** `e.id, e.created_at, …`: what an event is made of, and what is hashed. */
export const EVENT_COLUMNS = COLUMNS.split(',')
  .map((column) => `e.${column.trim()}`)
  .join(', ');

/** One statement for any number of events. */
export function insertAuditEvents(events: readonly AuditEvent[]): Statement {
  return {
    sql: `insert into audit_events (${COLUMNS}) select id, created_at, organization_id, project_id, actor_kind, actor_id,
        actor_user_id, actor_key_id, actor_address, actor_user_agent, action, resource_kind, resource_id, outcome, reason,
        request_id, nullif(changes, 'null'::jsonb), data_class
      from jsonb_to_recordset(($1::text)::jsonb) as line (id text, created_at timestamptz, organization_id text,
        project_id text, actor_kind text, actor_id text, actor_user_id text, actor_key_id text, actor_address text,
        actor_user_agent text, action text, resource_kind text, resource_id text, outcome text, reason text,
        request_id text, changes jsonb, data_class text)
      -- An insert whose answer was lost is tried again.
      on conflict (id, created_at) do nothing`,
    parameters: [JSON.stringify(events)],
  };
}

export interface AuditFilter {
  readonly organizationId: string;
  readonly projectId?: string;
  /** The only project that the caller reaches. */
  readonly reachedProjectId?: string;
  readonly actorId?: string;
  readonly action?: string;
  readonly resourceKind?: string;
  readonly resourceId?: string;
  readonly outcome?: AuditOutcome;
  readonly from?: Date;
  /** Exclusive. */
  readonly to?: Date;
}

export interface AuditPosition {
  readonly id: string;
  readonly createdAt: Date;
}

/** Where a cursor stands, or undefined when the organization has no such event. */
export async function findAuditPosition(
  database: SqlExecutor,
  key: { organizationId: string; id: string },
): Promise<AuditPosition | undefined> {
  const { rows } = await database.execute<Pick<AuditEvent, 'id' | 'created_at'>>({
    sql: 'select id, created_at from audit_events where organization_id = $1 and id = $2 limit 1',
    parameters: [key.organizationId, key.id],
  });
  const row = rows[0];
  return row && { id: row.id, createdAt: row.created_at };
}

/** Newest first. */
export async function listAuditEvents(
  database: SqlExecutor,
  filter: AuditFilter & { after?: AuditPosition; limit: number },
): Promise<AuditEvent[]> {
  const { conditions, parameters } = conditionsOf(filter);
  if (filter.after !== undefined) {
    const at = parameters.push(filter.after.createdAt, filter.after.id);
    conditions.push(`(e.created_at, e.id) < ($${at - 1}, $${at})`);
  }
  const limit = parameters.push(filter.limit);
  const { rows } = await database.execute<AuditEvent>({
    sql: `select ${EVENT_COLUMNS} from audit_events e where ${conditions.join(' and ')}
      order by e.created_at desc, e.id desc limit $${limit}`,
    parameters,
  });
  return rows;
}

function conditionsOf(filter: AuditFilter): { conditions: string[]; parameters: unknown[] } {
  const conditions: string[] = [];
  const parameters: unknown[] = [];
  const wanted: [string, unknown][] = [
    ['e.organization_id =', filter.organizationId],
    ['e.project_id =', filter.projectId],
    ['e.project_id =', filter.reachedProjectId],
    ['e.actor_id =', filter.actorId],
    ['e.action =', filter.action],
    ['e.resource_kind =', filter.resourceKind],
    ['e.resource_id =', filter.resourceId],
    ['e.outcome =', filter.outcome],
    ['e.created_at >=', filter.from],
    ['e.created_at <', filter.to],
  ];
  for (const [condition, value] of wanted) {
    if (value !== undefined) conditions.push(`${condition} $${parameters.push(value)}`);
  }
  return { conditions, parameters };
}

// Any fixed number will do; it keeps two instances from creating the same month at once.
const PARTITION_LOCK = 7_205_759_402;

/** As `ensureUsagePartitions`: this month and the ones that follow it. */
export async function ensureAuditPartitions(
  database: Database,
  now: Date,
  monthsAhead: number,
): Promise<void> {
  for (let ahead = 0; ahead <= monthsAhead; ahead += 1) {
    const month = monthOf(now, ahead);
    await database.transaction(async (transaction) => {
      await transaction.execute({
        sql: 'select pg_advisory_xact_lock($1::bigint)',
        parameters: [PARTITION_LOCK],
      });
      const taken = await transaction.execute<{ taken: boolean }>({
        sql: `select to_regclass($1::text) is not null or exists (select from audit_events_default
          where created_at >= $2::timestamptz and created_at < $3::timestamptz) as taken`,
        parameters: [month.name, month.from, month.to],
      });
      if (taken.rows[0]?.taken !== false) return;
      for (const sql of createPartition(month)) await transaction.execute({ sql, parameters: [] });
    });
  }
}

interface Month {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

function monthOf(now: Date, ahead: number): Month {
  const first = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1));
  const next = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead + 1, 1));
  const from = first.toISOString();
  const name = `audit_events_${from.slice(0, 4)}_${from.slice(5, 7)}`;
  return { name, from, to: next.toISOString() };
}

// Names and bounds cannot be bound parameters; all three are made of digits of a date only. A trigger that refuses
// TRUNCATE is not inherited.
function createPartition({ name, from, to }: Month): string[] {
  return [
    `create table ${name} partition of audit_events for values from ('${from}') to ('${to}')`,
    `create trigger ${name}_kept before truncate on ${name}
      for each statement execute function audit_refuse_change()`,
  ];
}
