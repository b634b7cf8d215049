import type { SqlExecutor, Statement } from '../../../ports/database.ts';
import type { GuardrailRow } from './guardrail.ts';

/** Channel on which a change of guardrails is announced to every instance. */
export const GUARDRAILS_CHANNEL = 'llamp_guardrails';

/** Part of every change: raises the revision and announces it when the change commits. */
export const ANNOUNCE_CHANGE: readonly Statement[] = [
  {
    sql: `update revisions set revision = revision + 1 where topic = 'guardrails'`,
    parameters: [],
  },
  { sql: 'select pg_notify($1, $2)', parameters: [GUARDRAILS_CHANNEL, ''] },
];

export async function readRevision(
  database: SqlExecutor,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<number> {
  const { rows } = await database.execute<{ revision: number }>(
    { sql: `select revision from revisions where topic = 'guardrails'`, parameters: [] },
    options,
  );
  return rows[0]?.revision ?? 0;
}

const COLUMNS = `id, organization_id, name, scope, scope_id, kind, action, stages, config, secret, enabled,
  created_at, updated_at`;

export function insertGuardrail(row: GuardrailRow): Statement {
  return {
    sql: `insert into guardrails (${COLUMNS})
      values ($1, $2, $3, $4, $5, $6, $7, $8, ($9::text)::jsonb, $10, $11, $12, $13)`,
    parameters: [
      row.id,
      row.organization_id,
      row.name,
      row.scope,
      row.scope_id,
      row.kind,
      row.action,
      row.stages,
      JSON.stringify(row.config),
      row.secret,
      row.enabled,
      row.created_at,
      row.updated_at,
    ],
  };
}

export function updateGuardrail(row: GuardrailRow): Statement {
  return {
    sql: `update guardrails set name = $2, action = $3, stages = $4, config = ($5::text)::jsonb,
      enabled = $6, updated_at = $7, secret = $8 where id = $1`,
    parameters: [
      row.id,
      row.name,
      row.action,
      row.stages,
      JSON.stringify(row.config),
      row.enabled,
      row.updated_at,
      row.secret,
    ],
  };
}

export const deleteGuardrail = (id: string): Statement => ({
  sql: 'delete from guardrails where id = $1',
  parameters: [id],
});

export async function findGuardrail(
  database: SqlExecutor,
  { organizationId, id }: { organizationId: string; id: string },
): Promise<GuardrailRow | undefined> {
  const { rows } = await database.execute<GuardrailRow>({
    sql: `select ${COLUMNS} from guardrails where id = $1 and organization_id = $2`,
    parameters: [id, organizationId],
  });
  return rows[0];
}

/** Newest first. */
export async function listGuardrails(
  database: SqlExecutor,
  page: { organizationId: string; after: GuardrailRow | undefined; limit: number },
): Promise<GuardrailRow[]> {
  const { organizationId, after, limit } = page;
  const { rows } = await database.execute<GuardrailRow>({
    sql: `select ${COLUMNS} from guardrails
      where organization_id = $1 and ($2::timestamptz is null or (created_at, id) < ($2, $3))
      order by created_at desc, id desc limit $4`,
    parameters: [organizationId, after?.created_at ?? null, after?.id ?? null, limit],
  });
  return rows;
}

const PAGE_SIZE = 1_000;

/** Every enabled guardrail, for the copy in memory. */
export async function loadGuardrails(
  database: SqlExecutor,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<GuardrailRow[]> {
  const guardrails: GuardrailRow[] = [];
  for (let afterId = ''; ; ) {
    const { rows } = await database.execute<GuardrailRow>(
      {
        sql: `select ${COLUMNS} from guardrails where enabled and id > $1 order by id limit $2`,
        parameters: [afterId, PAGE_SIZE],
      },
      options,
    );
    guardrails.push(...rows);
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_SIZE) return guardrails;
    afterId = last.id;
  }
}
