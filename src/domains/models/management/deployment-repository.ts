import type { SqlExecutor } from '../../../ports/database.ts';
import type { DeploymentEntry } from '../definitions/entries.ts';
import type { ListPosition, OwnedId } from './page.ts';

export interface DeploymentRow extends DeploymentEntry {
  readonly organization_id: string;
}

const SELECT = `select d.id, d.organization_id, d.name, d.provider_id, p.name as provider_name,
  p.kind as provider_kind, d.upstream_model, d.serves, d.enabled, d.created_at, d.updated_at
  from deployments d join providers p on p.id = d.provider_id`;

export async function insertDeployment(
  transaction: SqlExecutor,
  row: DeploymentRow,
): Promise<void> {
  await transaction.execute({
    sql: `insert into deployments (id, organization_id, provider_id, name, upstream_model, serves, enabled,
        created_at, updated_at)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    parameters: [
      row.id,
      row.organization_id,
      row.provider_id,
      row.name,
      row.upstream_model,
      row.serves,
      row.enabled,
      row.created_at,
      row.updated_at,
    ],
  });
}

export async function updateDeployment(
  transaction: SqlExecutor,
  row: DeploymentRow,
): Promise<void> {
  await transaction.execute({
    sql: `update deployments set name = $2, upstream_model = $3, serves = $4, enabled = $5, updated_at = $6
      where id = $1`,
    parameters: [row.id, row.name, row.upstream_model, row.serves, row.enabled, row.updated_at],
  });
}

export async function deleteDeployment(transaction: SqlExecutor, id: string): Promise<void> {
  await transaction.execute({ sql: 'delete from deployments where id = $1', parameters: [id] });
}

export async function findDeployment(
  database: SqlExecutor,
  { organizationId, id }: OwnedId,
): Promise<DeploymentRow | undefined> {
  const { rows } = await database.execute<DeploymentRow>({
    sql: `${SELECT} where d.id = $1 and d.organization_id = $2`,
    parameters: [id, organizationId],
  });
  return rows[0];
}

/** Keeps others from changing it until the transaction ends. */
export async function lockDeployment(
  transaction: SqlExecutor,
  { organizationId, id }: OwnedId,
): Promise<DeploymentRow | undefined> {
  const { rows } = await transaction.execute<DeploymentRow>({
    sql: `${SELECT} where d.id = $1 and d.organization_id = $2 for update of d`,
    parameters: [id, organizationId],
  });
  return rows[0];
}

/** Ids by what they are called in a request: each an id or a name. */
export async function findDeploymentIds(
  database: SqlExecutor,
  organizationId: string,
  references: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await database.execute<{ id: string; name: string }>({
    sql: `select id, name from deployments
      where organization_id = $1 and (id = any($2::text[]) or name = any($2::text[])) limit 1000`,
    parameters: [organizationId, [...references]],
  });
  return new Map([
    ...rows.map(({ id, name }) => [name, id] as const),
    ...rows.map(({ id }) => [id, id] as const),
  ]);
}

/** Oldest first. */
export async function listDeployments(
  database: SqlExecutor,
  { organizationId, after, limit }: ListPosition,
): Promise<DeploymentRow[]> {
  const { rows } = await database.execute<DeploymentRow>({
    sql: `${SELECT} where d.organization_id = $1
        and ($2::timestamptz is null or (d.created_at, d.id) > ($2, $3))
      order by d.created_at, d.id limit $4`,
    parameters: [organizationId, after?.created_at ?? null, after?.id ?? null, limit],
  });
  return rows;
}

/** Names of the models that use a deployment, a few of them. */
export async function listDeploymentUsers(database: SqlExecutor, id: string): Promise<string[]> {
  const { rows } = await database.execute<{ name: string }>({
    sql: `select m.name from model_deployments md join models m on m.id = md.model_id
      where md.deployment_id = $1 order by m.name limit 20`,
    parameters: [id],
  });
  return rows.map((row) => row.name);
}
