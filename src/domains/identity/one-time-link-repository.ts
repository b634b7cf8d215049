import type { SqlExecutor } from '../../ports/database.ts';
import type { Owner } from './installation-repository.ts';

export type LinkPurpose = 'setup' | 'password_reset';

export interface LinkUse {
  readonly tokenHash: Uint8Array;
  readonly purpose: LinkPurpose;
  readonly now: Date;
}

export interface LinkedUser extends Owner {
  readonly userId: string;
}

export async function insertOneTimeLink(
  executor: SqlExecutor,
  link: {
    tokenHash: Uint8Array;
    userId: string;
    purpose: LinkPurpose;
    createdAt: Date;
    expiresAt: Date;
  },
): Promise<void> {
  await executor.execute({
    sql: `insert into one_time_links (token_hash, user_id, purpose, created_at, expires_at)
      values ($1, $2, $3, $4, $5)`,
    parameters: [link.tokenHash, link.userId, link.purpose, link.createdAt, link.expiresAt],
  });
}

/** Whose link it is, with the oldest project of that user's organization; undefined when it cannot be used. */
export async function findOneTimeLink(
  database: SqlExecutor,
  { tokenHash, purpose, now }: LinkUse,
): Promise<LinkedUser | undefined> {
  const { rows } = await database.execute<{
    user_id: string;
    organization_id: string;
    project_id: string;
  }>({
    sql: `select l.user_id, m.organization_id, p.id as project_id
      from one_time_links l
      join users u on u.id = l.user_id and u.disabled_at is null
      join organization_members m on m.user_id = l.user_id
      join projects p on p.organization_id = m.organization_id and p.archived_at is null
      where l.token_hash = $1 and l.used_at is null and l.expires_at > $2 and l.purpose = $3
      order by p.created_at, p.id limit 1`,
    parameters: [tokenHash, now, purpose],
  });
  const row = rows[0];
  return (
    row && { userId: row.user_id, organizationId: row.organization_id, projectId: row.project_id }
  );
}

/** True for exactly one caller. */
export async function useOneTimeLink(
  transaction: SqlExecutor,
  { tokenHash, purpose, now }: LinkUse,
): Promise<boolean> {
  const { affectedRows } = await transaction.execute({
    sql: `update one_time_links set used_at = $2
      where token_hash = $1 and used_at is null and expires_at > $2 and purpose = $3`,
    parameters: [tokenHash, now, purpose],
  });
  return affectedRows === 1;
}

/** Ends what is left of a user's links. */
export async function cancelOneTimeLinks(
  transaction: SqlExecutor,
  { userId, purpose, now }: { userId: string; purpose: LinkPurpose; now: Date },
): Promise<void> {
  await transaction.execute({
    sql: `update one_time_links set used_at = $3
      where user_id = $1 and purpose = $2 and used_at is null`,
    parameters: [userId, purpose, now],
  });
}
