import type { SqlExecutor } from '../../../ports/database.ts';
import type { ProviderEntry } from '../definitions/entries.ts';
import type { ListPosition, OwnedId } from './page.ts';

/** A provider as it is stored. */
export interface ProviderRow extends ProviderEntry {
  readonly organization_id: string;
  /** Sealed; it leaves the database only to be opened. */
  readonly credential: string | null;
}

const COLUMNS = `id, organization_id, name, kind, base_url, api_version, region, credential,
  credential is not null as credential_set, credential_hint, enabled, created_at, updated_at`;

export async function insertProvider(transaction: SqlExecutor, row: ProviderRow): Promise<void> {
  await transaction.execute({
    sql: `insert into providers (id, organization_id, name, kind, base_url, api_version, region, credential,
        credential_hint, enabled, created_at, updated_at)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    parameters: [
      row.id,
      row.organization_id,
      row.name,
      row.kind,
      row.base_url,
      row.api_version,
      row.region,
      row.credential,
      row.credential_hint,
      row.enabled,
      row.created_at,
      row.updated_at,
    ],
  });
}

export async function updateProvider(transaction: SqlExecutor, row: ProviderRow): Promise<void> {
  await transaction.execute({
    sql: `update providers set name = $2, base_url = $3, api_version = $4, region = $5, credential = $6,
      credential_hint = $7, enabled = $8, updated_at = $9 where id = $1`,
    parameters: [
      row.id,
      row.name,
      row.base_url,
      row.api_version,
      row.region,
      row.credential,
      row.credential_hint,
      row.enabled,
      row.updated_at,
    ],
  });
}

export async function deleteProvider(transaction: SqlExecutor, id: string): Promise<void> {
  await transaction.execute({ sql: 'delete from providers where id = $1', parameters: [id] });
}

export async function findProvider(
  database: SqlExecutor,
  { organizationId, id }: OwnedId,
): Promise<ProviderRow | undefined> {
  const { rows } = await database.execute<ProviderRow>({
    sql: `select ${COLUMNS} from providers where id = $1 and organization_id = $2`,
    parameters: [id, organizationId],
  });
  return rows[0];
}

/** Keeps others from changing it until the transaction ends. */
export async function lockProvider(
  transaction: SqlExecutor,
  { organizationId, id }: OwnedId,
): Promise<ProviderRow | undefined> {
  const { rows } = await transaction.execute<ProviderRow>({
    sql: `select ${COLUMNS} from providers where id = $1 and organization_id = $2 for update`,
    parameters: [id, organizationId],
  });
  return rows[0];
}

/** By id or by name; nothing has a name that is an id of ours. */
export async function findProviderByReference(
  database: SqlExecutor,
  { organizationId, id: reference }: OwnedId,
): Promise<ProviderRow | undefined> {
  const { rows } = await database.execute<ProviderRow>({
    sql: `select ${COLUMNS} from providers where organization_id = $2 and (id = $1 or name = $1)
      order by (id = $1) desc limit 1`,
    parameters: [reference, organizationId],
  });
  return rows[0];
}

/** Oldest first. */
export async function listProviders(
  database: SqlExecutor,
  { organizationId, after, limit }: ListPosition,
): Promise<ProviderRow[]> {
  const { rows } = await database.execute<ProviderRow>({
    sql: `select ${COLUMNS} from providers where organization_id = $1
        and ($2::timestamptz is null or (created_at, id) > ($2, $3))
      order by created_at, id limit $4`,
    parameters: [organizationId, after?.created_at ?? null, after?.id ?? null, limit],
  });
  return rows;
}

/** Names of the deployments that use a provider, a few of them. */
export async function listProviderUsers(database: SqlExecutor, id: string): Promise<string[]> {
  const { rows } = await database.execute<{ name: string }>({
    sql: 'select name from deployments where provider_id = $1 order by name limit 20',
    parameters: [id],
  });
  return rows.map((row) => row.name);
}
