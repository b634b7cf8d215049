import type { SqlExecutor } from '../../ports/database.ts';

const NAMES_MAX = 1_000;

/** Models that are switched on and have no deployment which is, so that every call to them is refused. */
export async function listUnservedModels(database: SqlExecutor): Promise<string[]> {
  const { rows } = await database.execute<{ name: string }>({
    sql: `select distinct m.name from models m where m.enabled and not exists (
        select from model_deployments md
          join deployments d on d.id = md.deployment_id and d.enabled
          join providers p on p.id = d.provider_id and p.enabled
        where md.model_id = m.id)
      order by 1 limit $1`,
    parameters: [NAMES_MAX],
  });
  return rows.map(({ name }) => name);
}

/** Every configured model that is switched on. */
export async function listEnabledModels(database: SqlExecutor): Promise<string[]> {
  const { rows } = await database.execute<{ name: string }>({
    sql: 'select distinct name from models where enabled order by 1 limit $1',
    parameters: [NAMES_MAX],
  });
  return rows.map(({ name }) => name);
}
