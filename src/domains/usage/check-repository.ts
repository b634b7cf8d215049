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
