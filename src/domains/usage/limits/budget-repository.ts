import type { SqlExecutor, Statement } from '../../../ports/database.ts';
import type { LimitRow, LimitScope } from './limit.ts';

/**
 * Keeps usage records from being inserted until the transaction ends, so that each of them is counted either here or
 * by the statement that inserts it.
 */
export const HOLD_USAGE_RECORDS: Statement = {
  sql: 'lock table usage_records in share mode',
  parameters: [],
};

const MATCHES: Readonly<Record<LimitScope, string>> = {
  organization: 'p.organization_id = $4',
  project: 'r.project_id = $4',
  api_key: 'r.api_key_id = $4',
  user: 'r.user_id = $4',
  model: 'r.model = $4',
};

/** Counts what was spent since `from`, before the limit was there. */
export function countEarlierSpending(limit: LimitRow, from: Date): Statement {
  return {
    sql: `insert into budget_spend (limit_id, window_start, spent_micros)
      select $1, $2, coalesce(sum(r.cost_micros), 0)::bigint
      from usage_records r join projects p on p.id = r.project_id
      where r.created_at >= $2::timestamptz and p.organization_id = $3 and ${MATCHES[limit.scope]}
        and ($5::text is null or r.model = $5)`,
    parameters: [limit.id, from, limit.organization_id, limit.scope_id, limit.model],
  };
}

export interface BudgetKey {
  readonly limitId: string;
  readonly start: Date;
}

/** Spending of each budget in its order; 0 where nothing is recorded. */
export async function readSpending(
  database: SqlExecutor,
  budgets: readonly BudgetKey[],
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<number[]> {
  const { rows } = await database.execute<{ spent_micros: number }>(
    {
      sql: `select coalesce(s.spent_micros, 0) as spent_micros
        from unnest($1::text[], $2::timestamptz[]) with ordinality as b (limit_id, window_start, place)
        left join budget_spend s on s.limit_id = b.limit_id and s.window_start = b.window_start
        order by b.place`,
      parameters: [budgets.map(({ limitId }) => limitId), budgets.map(({ start }) => start)],
    },
    options,
  );
  return rows.map((row) => row.spent_micros);
}
