import type { SqlExecutor } from '../../ports/database.ts';

/** Where the product data of the installation lies when nobody says otherwise. */
export interface Owner {
  readonly organizationId: string;
  readonly projectId: string;
}

export async function readInstallationId(database: SqlExecutor): Promise<string | undefined> {
  const { rows } = await database.execute<{ id: string }>({
    sql: 'select id from installation',
    parameters: [],
  });
  return rows[0]?.id;
}

/**
 * True when this call made the row. A second caller waits for the first one's transaction and then sees its row, so
 * exactly one of many instances fills an empty installation.
 */
export async function claimInstallation(
  transaction: SqlExecutor,
  installation: { id: string; createdAt: Date },
): Promise<boolean> {
  const { rows } = await transaction.execute<{ id: string }>({
    sql: `insert into installation (singleton, id, created_at) values (true, $1, $2)
      on conflict do nothing returning id`,
    parameters: [installation.id, installation.createdAt],
  });
  return rows.length === 1;
}

export async function insertOrganization(
  transaction: SqlExecutor,
  organization: { id: string; name: string; createdAt: Date },
): Promise<void> {
  await transaction.execute({
    sql: 'insert into organizations (id, name, created_at) values ($1, $2, $3)',
    parameters: [organization.id, organization.name, organization.createdAt],
  });
}

export async function insertOwnerUser(
  transaction: SqlExecutor,
  user: {
    id: string;
    organizationId: string;
    email: string;
    name: string;
    passwordHash: string | null;
    createdAt: Date;
  },
): Promise<void> {
  await transaction.execute({
    sql: 'insert into users (id, email, name, password_hash, created_at) values ($1, $2, $3, $4, $5)',
    parameters: [user.id, user.email, user.name, user.passwordHash, user.createdAt],
  });
  await transaction.execute({
    sql: `insert into organization_members (organization_id, user_id, role, created_at)
      values ($1, $2, 'owner', $3)`,
    parameters: [user.organizationId, user.id, user.createdAt],
  });
}

/** The oldest organization and its oldest project that is in use. */
export async function findDefaultOwner(database: SqlExecutor): Promise<Owner | undefined> {
  const { rows } = await database.execute<{ organization_id: string; id: string }>({
    sql: `select p.organization_id, p.id from projects p join organizations o on o.id = p.organization_id
      where p.archived_at is null order by o.created_at, o.id, p.created_at, p.id limit 1`,
    parameters: [],
  });
  const row = rows[0];
  return row && { organizationId: row.organization_id, projectId: row.id };
}

export async function updateUserSignIn(
  transaction: SqlExecutor,
  user: { id: string; email: string; name: string; passwordHash: string },
): Promise<void> {
  await transaction.execute({
    sql: 'update users set email = $2, name = $3, password_hash = $4 where id = $1',
    parameters: [user.id, user.email, user.name, user.passwordHash],
  });
}

/** The owner with that e-mail address, or the first one when none is given. */
export async function findOwnerUserId(
  database: SqlExecutor,
  email: string | null,
): Promise<string | undefined> {
  const { rows } = await database.execute<{ id: string }>({
    sql: `select u.id from users u join organization_members m on m.user_id = u.id
      where m.role = 'owner' and u.disabled_at is null and ($1::text is null or u.email = $1)
      order by u.created_at, u.id limit 1`,
    parameters: [email],
  });
  return rows[0]?.id;
}
