import type { SqlExecutor, Statement } from '../../../ports/database.ts';
import type { Position } from '../project-repository.ts';
import type { MemberPlace, MemberRole, MemberRow } from './member.ts';

const COLUMNS = 'u.id, u.email, u.name, m.role, m.created_at, u.disabled_at';

// One of two fixed texts, never a value from outside.
const membersOf = ({ projectId }: MemberPlace) =>
  projectId === null
    ? { table: 'organization_members', key: 'organization_id' }
    : { table: 'project_members', key: 'project_id' };
const keyOf = ({ organizationId, projectId }: MemberPlace) => projectId ?? organizationId;

/** In the order in which they came. */
export async function listMembers(
  database: SqlExecutor,
  place: MemberPlace,
  page: { after: Position | undefined; limit: number },
): Promise<MemberRow[]> {
  const { table, key } = membersOf(place);
  const { rows } = await database.execute<MemberRow>({
    sql: `select ${COLUMNS} from ${table} m join users u on u.id = m.user_id
      where m.${key} = $1 and ($2::timestamptz is null or (m.created_at, m.user_id) > ($2, $3))
      order by m.created_at, m.user_id limit $4`,
    parameters: [keyOf(place), page.after?.createdAt ?? null, page.after?.id ?? null, page.limit],
  });
  return rows;
}

export async function findMember(
  database: SqlExecutor,
  place: MemberPlace,
  userId: string,
): Promise<MemberRow | undefined> {
  const { table, key } = membersOf(place);
  const { rows } = await database.execute<MemberRow>({
    sql: `select ${COLUMNS} from ${table} m join users u on u.id = m.user_id
      where m.${key} = $1 and m.user_id = $2`,
    parameters: [keyOf(place), userId],
  });
  return rows[0];
}

/** The user of the organization with that id or e-mail address. */
export async function findOrganizationUserId(
  database: SqlExecutor,
  user: { organizationId: string; id: string | null; email: string | null },
): Promise<string | undefined> {
  const { rows } = await database.execute<{ user_id: string }>({
    sql: `select m.user_id from organization_members m join users u on u.id = m.user_id
      where m.organization_id = $1 and ($2::text is null or u.id = $2)
        and ($3::text is null or u.email = $3)`,
    parameters: [user.organizationId, user.id, user.email],
  });
  return rows[0]?.user_id;
}

/** Makes every change of the members of one organization wait for the one before it. */
export async function lockMembers(transaction: SqlExecutor, organizationId: string): Promise<void> {
  await transaction.execute({
    sql: 'select id from organizations where id = $1 for update',
    parameters: [organizationId],
  });
}

export async function countEnabledOwners(
  transaction: SqlExecutor,
  organizationId: string,
): Promise<number> {
  const { rows } = await transaction.execute<{ owners: number }>({
    sql: `select count(*)::int as owners from organization_members m join users u on u.id = m.user_id
      where m.organization_id = $1 and m.role = 'owner' and u.disabled_at is null`,
    parameters: [organizationId],
  });
  return rows[0]?.owners ?? 0;
}

export function insertProjectMember(member: {
  projectId: string;
  userId: string;
  role: MemberRole;
  createdAt: Date;
}): Statement {
  return {
    sql: 'insert into project_members (project_id, user_id, role, created_at) values ($1, $2, $3, $4)',
    parameters: [member.projectId, member.userId, member.role, member.createdAt],
  };
}

export function updateMember(place: MemberPlace, userId: string, role: MemberRole): Statement {
  const { table, key } = membersOf(place);
  return {
    sql: `update ${table} set role = $3 where ${key} = $1 and user_id = $2`,
    parameters: [keyOf(place), userId, role],
  };
}

/** From a project, or from the organization with all its projects. */
export function deleteMember({ organizationId, projectId }: MemberPlace, userId: string) {
  const ofProjects: Statement = {
    sql: `delete from project_members m using projects p
      where p.id = m.project_id and p.organization_id = $1 and m.user_id = $3
        and ($2::text is null or m.project_id = $2)`,
    parameters: [organizationId, projectId, userId],
  };
  const ofOrganization: Statement = {
    sql: 'delete from organization_members where organization_id = $1 and user_id = $2',
    parameters: [organizationId, userId],
  };
  return projectId === null ? [ofProjects, ofOrganization] : [ofProjects];
}

/** Ends the live keys that somebody made in a project, or anywhere in the organization. */
export function revokeKeysOf(
  { organizationId, projectId }: MemberPlace,
  userId: string,
  now: Date,
): Statement {
  return {
    sql: `update api_keys k set revoked_at = $4 from projects p
      where p.id = k.project_id and p.organization_id = $1 and ($2::text is null or p.id = $2)
        and k.created_by = $3 and k.revoked_at is null`,
    parameters: [organizationId, projectId, userId, now],
  };
}
