import type { SqlExecutor } from '../../../ports/database.ts';
import type { ModelEntry } from '../definitions/entries.ts';
import type { ListPosition, OwnedId } from './page.ts';

export interface ModelRow extends ModelEntry {
  readonly organization_id: string;
}

/** What a model refers to, by id. */
export interface MemberRow {
  readonly deployment_id: string;
  readonly weight: number;
  readonly tier: number;
}

export type ModelFields = Omit<ModelRow, 'deployments' | 'fallbacks'>;

const SELECT = `select m.id, m.organization_id, m.name, m.strategy, m.affinity, m.enabled, m.created_at,
  m.updated_at,
  coalesce((select jsonb_agg(jsonb_build_object('deployment_id', d.id, 'deployment_name', d.name,
      'weight', md.weight, 'tier', md.tier) order by md.position)
    from model_deployments md join deployments d on d.id = md.deployment_id
    where md.model_id = m.id), '[]'::jsonb) as deployments,
  coalesce((select jsonb_agg(f.fallback_name order by f.position) from model_fallbacks f
    where f.model_id = m.id), '[]'::jsonb) as fallbacks
  from models m`;

export async function insertModel(transaction: SqlExecutor, row: ModelFields): Promise<void> {
  await transaction.execute({
    sql: `insert into models (id, organization_id, name, strategy, affinity, enabled, created_at, updated_at)
      values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    parameters: [
      row.id,
      row.organization_id,
      row.name,
      row.strategy,
      row.affinity,
      row.enabled,
      row.created_at,
      row.updated_at,
    ],
  });
}

export async function updateModel(transaction: SqlExecutor, row: ModelFields): Promise<void> {
  await transaction.execute({
    sql: `update models set name = $2, strategy = $3, affinity = $4, enabled = $5, updated_at = $6
      where id = $1`,
    parameters: [row.id, row.name, row.strategy, row.affinity, row.enabled, row.updated_at],
  });
}

export async function replaceMembers(
  transaction: SqlExecutor,
  modelId: string,
  members: readonly MemberRow[],
): Promise<void> {
  await transaction.execute({
    sql: 'delete from model_deployments where model_id = $1',
    parameters: [modelId],
  });
  await transaction.execute({
    sql: `insert into model_deployments (model_id, position, deployment_id, weight, tier)
      select $1, given.position, given.deployment_id, given.weight, given.tier
      from unnest($2::text[], $3::int[], $4::int[]) with ordinality
        as given (deployment_id, weight, tier, position)`,
    parameters: [
      modelId,
      members.map((member) => member.deployment_id),
      members.map((member) => member.weight),
      members.map((member) => member.tier),
    ],
  });
}

export async function replaceFallbacks(
  transaction: SqlExecutor,
  modelId: string,
  fallbacks: readonly string[],
): Promise<void> {
  await transaction.execute({
    sql: 'delete from model_fallbacks where model_id = $1',
    parameters: [modelId],
  });
  await transaction.execute({
    sql: `insert into model_fallbacks (model_id, position, fallback_name)
      select $1, given.position, given.name from unnest($2::text[]) with ordinality as given (name, position)`,
    parameters: [modelId, [...fallbacks]],
  });
}

export async function deleteModel(transaction: SqlExecutor, id: string): Promise<void> {
  await transaction.execute({ sql: 'delete from models where id = $1', parameters: [id] });
}

export async function findModel(
  database: SqlExecutor,
  { organizationId, id }: OwnedId,
): Promise<ModelRow | undefined> {
  const { rows } = await database.execute<ModelRow>({
    sql: `${SELECT} where m.id = $1 and m.organization_id = $2`,
    parameters: [id, organizationId],
  });
  return rows[0];
}

/** Keeps others from changing it until the transaction ends. */
export async function lockModel(
  transaction: SqlExecutor,
  { organizationId, id }: OwnedId,
): Promise<ModelRow | undefined> {
  const { rows } = await transaction.execute<ModelRow>({
    sql: `${SELECT} where m.id = $1 and m.organization_id = $2 for update of m`,
    parameters: [id, organizationId],
  });
  return rows[0];
}

/** Oldest first. */
export async function listModels(
  database: SqlExecutor,
  { organizationId, after, limit }: ListPosition,
): Promise<ModelRow[]> {
  const { rows } = await database.execute<ModelRow>({
    sql: `${SELECT} where m.organization_id = $1
        and ($2::timestamptz is null or (m.created_at, m.id) > ($2, $3))
      order by m.created_at, m.id limit $4`,
    parameters: [organizationId, after?.created_at ?? null, after?.id ?? null, limit],
  });
  return rows;
}
