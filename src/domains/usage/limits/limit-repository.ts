import type { SqlExecutor, Statement } from '../../../ports/database.ts';
import type { LimitRow, LimitScope } from './limit.ts';

const COLUMNS =
  'id, organization_id, scope, scope_id, model, kind, amount, period, created_at, updated_at';

export function insertLimit(limit: LimitRow): Statement {
  return {
    sql: `insert into limits (${COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    parameters: [
      limit.id,
      limit.organization_id,
      limit.scope,
      limit.scope_id,
      limit.model,
      limit.kind,
      limit.amount,
      limit.period,
      limit.created_at,
      limit.updated_at,
    ],
  };
}

export function updateLimitAmount(id: string, amount: number, updatedAt: Date): Statement {
  return {
    sql: 'update limits set amount = $2, updated_at = $3 where id = $1',
    parameters: [id, amount, updatedAt],
  };
}

export function deleteLimit(id: string): Statement[] {
  return [
    { sql: 'delete from limits where id = $1', parameters: [id] },
    { sql: 'delete from budget_spend where limit_id = $1', parameters: [id] },
  ];
}

export async function findLimit(
  database: SqlExecutor,
  { organizationId, id }: { organizationId: string; id: string },
): Promise<LimitRow | undefined> {
  const { rows } = await database.execute<LimitRow>({
    sql: `select ${COLUMNS} from limits where id = $1 and organization_id = $2`,
    parameters: [id, organizationId],
  });
  return rows[0];
}

export interface LimitFilter {
  readonly organizationId: string;
  readonly scope: LimitScope | undefined;
  readonly scopeId: string | undefined;
}

/** Newest first. */
export async function listLimits(
  database: SqlExecutor,
  filter: LimitFilter & { after: LimitRow | undefined; limit: number },
): Promise<LimitRow[]> {
  const { organizationId, scope, scopeId, after, limit } = filter;
  const { rows } = await database.execute<LimitRow>({
    sql: `select ${COLUMNS} from limits
      where organization_id = $1 and ($2::text is null or scope = $2) and ($3::text is null or scope_id = $3)
        and ($4::timestamptz is null or (created_at, id) < ($4, $5))
      order by created_at desc, id desc limit $6`,
    parameters: [
      organizationId,
      scope ?? null,
      scopeId ?? null,
      after?.created_at ?? null,
      after?.id ?? null,
      limit,
    ],
  });
  return rows;
}

const PAGE_SIZE = 5_000;

/** Every limit of every organization, for the copy in memory. */
export async function loadLimits(
  database: SqlExecutor,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<LimitRow[]> {
  const limits: LimitRow[] = [];
  for (let afterId = ''; ; ) {
    const { rows } = await database.execute<LimitRow>(
      {
        sql: `select ${COLUMNS} from limits where id > $1 order by id limit $2`,
        parameters: [afterId, PAGE_SIZE],
      },
      options,
    );
    limits.push(...rows);
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_SIZE) return limits;
    afterId = last.id;
  }
}
