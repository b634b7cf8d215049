import type { SqlExecutor, Statement } from '../../ports/database.ts';
import type { ApiKeyRow } from './api-key.ts';
import type { Reach } from './policy.ts';
import type { Scope } from './role.ts';

const COLUMNS = `k.id, k.project_id, k.name, k.prefix, k.scopes, k.models, k.allowed_addresses, k.created_by,
  k.created_at, k.expires_at, k.revoked_at, k.last_used_at`;
const OWNED = 'from api_keys k join projects p on p.id = k.project_id';

export interface NewApiKey extends Omit<ApiKeyRow, 'revoked_at' | 'last_used_at'> {
  readonly key_hash: Uint8Array;
}

/** Rights of a key that is bound to nothing but its scopes. */
export const UNBOUND = { models: null, allowed_addresses: null };

/** The row that a fresh insert leaves behind. */
export function storedKey({ key_hash: _hash, ...row }: NewApiKey): ApiKeyRow {
  return { ...row, revoked_at: null, last_used_at: null };
}

export function insertApiKey(key: NewApiKey): Statement {
  return {
    sql: `insert into api_keys (id, project_id, name, prefix, key_hash, scopes, models, allowed_addresses, created_by,
        created_at, expires_at)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    parameters: [
      key.id,
      key.project_id,
      key.name,
      key.prefix,
      key.key_hash,
      key.scopes,
      key.models,
      key.allowed_addresses,
      key.created_by,
      key.created_at,
      key.expires_at,
    ],
  };
}

export function revokeApiKey(id: string, revokedAt: Date): Statement {
  return {
    sql: 'update api_keys set revoked_at = coalesce(revoked_at, $2) where id = $1',
    parameters: [id, revokedAt],
  };
}

/** Brings the end of a key forward; a later end than the present one is left as it is. */
export function shortenApiKey(id: string, expiresAt: Date): Statement {
  return {
    sql: 'update api_keys set expires_at = least(coalesce(expires_at, $2), $2) where id = $1',
    parameters: [id, expiresAt],
  };
}

/** What a client may change of a key. */
export type KeySettings = Pick<
  ApiKeyRow,
  'name' | 'scopes' | 'models' | 'allowed_addresses' | 'expires_at'
>;

export function updateApiKey(id: string, settings: KeySettings): Statement {
  const { name, scopes, models, allowed_addresses: addresses, expires_at: expiresAt } = settings;
  return {
    sql: `update api_keys set name = $2, scopes = $3, models = $4, allowed_addresses = $5, expires_at = $6
      where id = $1`,
    parameters: [id, name, scopes, models, addresses, expiresAt],
  };
}

/** The key, when the caller reaches it. */
export async function findApiKey(
  database: SqlExecutor,
  { organizationId, projectId, createdBy, id }: Reach & { id: string },
  lock: '' | 'for update of k' = '',
): Promise<ApiKeyRow | undefined> {
  const { rows } = await database.execute<ApiKeyRow>({
    sql: `select ${COLUMNS} ${OWNED} where k.id = $1 and p.organization_id = $2
      and ($3::text is null or k.project_id = $3) and ($4::text is null or k.created_by = $4) ${lock}`,
    parameters: [id, organizationId, projectId, createdBy],
  });
  return rows[0];
}

/** Newest first. */
export async function listApiKeys(
  database: SqlExecutor,
  filter: Reach & {
    after: { id: string; createdAt: Date } | undefined;
    limit: number;
  },
): Promise<ApiKeyRow[]> {
  const { organizationId, projectId, createdBy, after, limit } = filter;
  const { rows } = await database.execute<ApiKeyRow>({
    sql: `select ${COLUMNS} ${OWNED}
      where p.organization_id = $1 and ($2::text is null or k.project_id = $2)
        and ($3::text is null or k.created_by = $3)
        and ($4::timestamptz is null or (k.created_at, k.id) < ($4, $5))
      order by k.created_at desc, k.id desc limit $6`,
    parameters: [
      organizationId,
      projectId,
      createdBy,
      after?.createdAt ?? null,
      after?.id ?? null,
      limit,
    ],
  });
  return rows;
}

export interface LiveKeyRow {
  readonly id: string;
  readonly key_hash: Uint8Array;
  readonly project_id: string;
  readonly organization_id: string;
  readonly created_by: string | null;
  readonly scopes: Scope[];
  readonly models: string[] | null;
  readonly allowed_addresses: string[] | null;
  readonly expires_at: Date | null;
}

/** One page of every key that may still be used, by id. */
export async function listLiveKeys(
  database: SqlExecutor,
  page: { now: Date; afterId: string; limit: number },
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<LiveKeyRow[]> {
  const { rows } = await database.execute<LiveKeyRow>(
    {
      sql: `select k.id, k.key_hash, k.project_id, p.organization_id, k.created_by, k.scopes,
          k.models, k.allowed_addresses, k.expires_at ${OWNED}
        where k.revoked_at is null and p.archived_at is null
          and (k.expires_at is null or k.expires_at > $1) and k.id > $2
          and not exists (select 1 from users u where u.id = k.created_by and u.disabled_at is not null)
        order by k.id limit $3`,
      parameters: [page.now, page.afterId, page.limit],
    },
    options,
  );
  return rows;
}

/** Never moves a time back: several instances write what each has seen. */
export async function writeLastUsed(
  database: SqlExecutor,
  uses: readonly { keyId: string; usedAt: Date }[],
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<void> {
  await database.execute(
    {
      sql: `update api_keys k set last_used_at = greatest(k.last_used_at, used.at)
        from unnest($1::text[], $2::timestamptz[]) as used (id, at) where k.id = used.id`,
      parameters: [uses.map((use) => use.keyId), uses.map((use) => use.usedAt)],
    },
    options,
  );
}
