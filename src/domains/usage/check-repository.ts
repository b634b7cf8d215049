import type { SqlExecutor } from '../../ports/database.ts';

const PRICES_MAX = 10_000;

/** Names, or beginnings followed by `*`, of the price list in force; undefined when there is none. */
export async function listPricedModels(database: SqlExecutor): Promise<string[] | undefined> {
  const { rows } = await database.execute<{ model: string | null }>({
    sql: `select p.model from (select id from price_versions order by activated_at desc, id desc limit 1) v
      left join prices p on p.version_id = v.id order by 1 limit $1`,
    parameters: [PRICES_MAX],
  });
  if (rows.length === 0) return undefined;
  return rows.flatMap(({ model }) => (model === null ? [] : [model]));
}

/** Whether anybody has a budget, which counts only what has a price. */
export async function hasMoneyLimits(database: SqlExecutor): Promise<boolean> {
  const { rows } = await database.execute<{ present: boolean }>({
    sql: "select exists (select from limits where kind = 'money') as present",
    parameters: [],
  });
  return rows[0]?.present === true;
}

export interface BudgetUse {
  readonly period: 'day' | 'month' | 'total';
  /** Spent part of the fullest budget of this period; above 1 when calls under way cost more than was left. */
  readonly ratio: number;
}

/** The fullest budget of each period, in the window that holds now. */
export async function fullestBudgets(database: SqlExecutor): Promise<BudgetUse[]> {
  const { rows } = await database.execute<BudgetUse>({
    sql: `select l.period, max(coalesce(s.spent_micros, 0) / greatest(l.amount, 1)::float8)::float8 as ratio
      from limits l left join budget_spend s on s.limit_id = l.id and s.window_start = case l.period
        when 'day' then date_trunc('day', now(), 'UTC') when 'month' then date_trunc('month', now(), 'UTC')
        else timestamptz 'epoch' end
      where l.kind = 'money' group by l.period`,
    parameters: [],
  });
  return rows;
}
