import type { SqlExecutor } from '../../../ports/database.ts';
import type { OrganizationRole } from '../members/member.ts';

export async function setDisabled(
  transaction: SqlExecutor,
  { userId, disabledAt }: { userId: string; disabledAt: Date | null },
): Promise<void> {
  await transaction.execute({
    sql: 'update users set disabled_at = $2 where id = $1',
    parameters: [userId, disabledAt],
  });
}

/** Takes back the links that a user has given to others. */
export async function cancelOpenInvitationsBy(
  transaction: SqlExecutor,
  { userId, now }: { userId: string; now: Date },
): Promise<void> {
  await transaction.execute({
    sql: `update invitations set revoked_at = $2
      where invited_by = $1 and accepted_at is null and revoked_at is null`,
    parameters: [userId, now],
  });
}

export interface PasswordRow {
  readonly email: string;
  readonly password_hash: string | null;
}

export async function findPassword(
  database: SqlExecutor,
  userId: string,
): Promise<PasswordRow | undefined> {
  const { rows } = await database.execute<PasswordRow>({
    sql: 'select email, password_hash from users where id = $1 and disabled_at is null',
    parameters: [userId],
  });
  return rows[0];
}

/** True when the hash was still the expected one; without an expectation it is replaced whatever it is. */
export async function replacePassword(
  transaction: SqlExecutor,
  password: { userId: string; passwordHash: string; expectedHash?: string },
): Promise<boolean> {
  const { affectedRows } = await transaction.execute({
    sql: `update users set password_hash = $2
      where id = $1 and ($3::text is null or password_hash = $3)`,
    parameters: [password.userId, password.passwordHash, password.expectedHash ?? null],
  });
  return affectedRows === 1;
}

export async function insertUser(
  transaction: SqlExecutor,
  user: { id: string; email: string; name: string; passwordHash: string; createdAt: Date },
): Promise<void> {
  await transaction.execute({
    sql: 'insert into users (id, email, name, password_hash, created_at) values ($1, $2, $3, $4, $5)',
    parameters: [user.id, user.email, user.name, user.passwordHash, user.createdAt],
  });
}

export async function insertOrganizationMember(
  transaction: SqlExecutor,
  member: { organizationId: string; userId: string; role: OrganizationRole; createdAt: Date },
): Promise<void> {
  await transaction.execute({
    sql: `insert into organization_members (organization_id, user_id, role, created_at)
      values ($1, $2, $3, $4)`,
    parameters: [member.organizationId, member.userId, member.role, member.createdAt],
  });
}
