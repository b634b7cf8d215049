import type { SqlExecutor, Statement } from '../../ports/database.ts';

export interface ProjectRow {
  readonly id: string;
  readonly organization_id: string;
  readonly name: string;
  readonly created_at: Date;
  readonly archived_at: Date | null;
}

export interface UserRow {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: string;
  readonly created_at: Date;
  readonly disabled_at: Date | null;
  readonly has_password: boolean;
}

export interface Position {
  readonly id: string;
  readonly createdAt: Date;
}

export function insertProject(project: Omit<ProjectRow, 'archived_at'>): Statement {
  return {
    sql: 'insert into projects (id, organization_id, name, created_at) values ($1, $2, $3, $4)',
    parameters: [project.id, project.organization_id, project.name, project.created_at],
  };
}

export interface ProjectFilter {
  readonly organizationId: string;
  /** Only projects with this member; null: all of the organization. */
  readonly memberId: string | null;
}

const PROJECT_COLUMNS = 'p.id, p.organization_id, p.name, p.created_at, p.archived_at';
const OF_MEMBER = (parameter: string) =>
  `exists (select from project_members pm where pm.project_id = p.id and pm.user_id = ${parameter})`;

export async function findProject(
  database: SqlExecutor,
  { organizationId, memberId, id }: ProjectFilter & { id: string },
): Promise<ProjectRow | undefined> {
  const { rows } = await database.execute<ProjectRow>({
    sql: `select ${PROJECT_COLUMNS} from projects p
      where p.id = $1 and p.organization_id = $2 and ($3::text is null or ${OF_MEMBER('$3')})`,
    parameters: [id, organizationId, memberId],
  });
  return rows[0];
}

/** Oldest first: the first one is the default project. */
export async function listProjects(
  database: SqlExecutor,
  page: ProjectFilter & { after: Position | undefined; limit: number },
): Promise<ProjectRow[]> {
  const { rows } = await database.execute<ProjectRow>({
    sql: `select ${PROJECT_COLUMNS} from projects p
      where p.organization_id = $1 and ($5::text is null or ${OF_MEMBER('$5')})
        and ($2::timestamptz is null or (p.created_at, p.id) > ($2, $3))
      order by p.created_at, p.id limit $4`,
    parameters: [
      page.organizationId,
      page.after?.createdAt ?? null,
      page.after?.id ?? null,
      page.limit,
      page.memberId,
    ],
  });
  return rows;
}

const USER_COLUMNS = `u.id, u.email, u.name, m.role, u.created_at, u.disabled_at,
  u.password_hash is not null as has_password`;

/** Oldest first. */
export async function listUsers(
  database: SqlExecutor,
  page: { organizationId: string; after: Position | undefined; limit: number },
): Promise<UserRow[]> {
  const { rows } = await database.execute<UserRow>({
    sql: `select ${USER_COLUMNS} from users u join organization_members m on m.user_id = u.id
      where m.organization_id = $1 and ($2::timestamptz is null or (u.created_at, u.id) > ($2, $3))
      order by u.created_at, u.id limit $4`,
    parameters: [
      page.organizationId,
      page.after?.createdAt ?? null,
      page.after?.id ?? null,
      page.limit,
    ],
  });
  return rows;
}

export async function findUser(
  database: SqlExecutor,
  { organizationId, id }: { organizationId: string; id: string },
): Promise<UserRow | undefined> {
  const { rows } = await database.execute<UserRow>({
    sql: `select ${USER_COLUMNS} from users u join organization_members m on m.user_id = u.id
      where m.organization_id = $1 and u.id = $2`,
    parameters: [organizationId, id],
  });
  return rows[0];
}
