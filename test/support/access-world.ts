import { systemClock } from '../../src/adapters/clock/system.ts';
import { createPasswordHasher } from '../../src/domains/identity/index.ts';
import { announceChange } from '../../src/domains/identity/revision-repository.ts';
import { SCOPES } from '../../src/domains/identity/role.ts';
import { apiKeyPrefix, generateApiKey, hashApiKey } from '../../src/lib/api-key.ts';
import type { Database, SqlExecutor } from '../../src/ports/database.ts';

const PASSWORD = 'a long enough password';

export const ORGANIZATION_ROLES = ['owner', 'admin', 'auditor'] as const;
export const PROJECT_ROLES = ['owner', 'admin', 'developer', 'viewer', 'auditor'] as const;

export interface AccessWorld {
  /** A credential by the caller's name as in the matrix, with `foreign …` and `stranger …` for those outside. */
  readonly credentials: ReadonlyMap<string, string>;
  readonly userIds: ReadonlyMap<string, string>;
  readonly organizationId: string;
  readonly projectId: string;
  readonly foreignProjectId: string;
}

/**
 * In a running installation: people with every role in the organization and in its first project, keys with every
 * scope, somebody of a second project (`foreign`), and a second organization (`stranger`).
 */
export async function peopleAccess(
  database: Database,
  signIn: (email: string, password: string) => Promise<string>,
): Promise<AccessWorld> {
  const passwordHash = await createPasswordHasher().hash(PASSWORD);
  const made = await database.transaction((transaction) => fill(transaction, passwordHash));
  const credentials = new Map(made.keys);
  for (const [name, { email }] of made.users) credentials.set(name, await signIn(email, PASSWORD));
  const userIds = new Map([...made.users].map(([name, { id }]) => [name, id]));
  return { ...made.places, credentials, userIds };
}

async function fill(sql: SqlExecutor, passwordHash: string) {
  const { rows } = await sql.execute<{ id: string; organization_id: string }>({
    sql: 'select id, organization_id from projects order by created_at, id limit 1',
    parameters: [],
  });
  const { id: projectId = '', organization_id: organizationId = '' } = rows[0] ?? {};
  const foreignProjectId = await insertProject(sql, organizationId);
  const strangers = await insertOrganization(sql);
  const users = new Map<string, { id: string; email: string }>();
  const person = async (name: string, place: { organization: string; role: string }) => {
    const user = await insertUser(sql, { name, passwordHash, ...place });
    users.set(name, user);
    return user.id;
  };
  for (const role of ORGANIZATION_ROLES)
    await person(`organization ${role}`, { organization: organizationId, role });
  for (const role of PROJECT_ROLES) {
    const id = await person(`project ${role}`, { organization: organizationId, role: 'member' });
    await insertProjectMember(sql, { projectId, id, role });
    const foreign = { organization: organizationId, role: 'member' };
    const foreignId = await person(`foreign ${role}`, foreign);
    await insertProjectMember(sql, { projectId: foreignProjectId, id: foreignId, role });
  }
  await person('stranger owner', { organization: strangers.organizationId, role: 'owner' });
  const keys: [string, string][] = [];
  for (const scope of SCOPES)
    keys.push([`key ${scope}`, await insertKey(sql, { projectId, scopes: [scope] })]);
  const strangerKey = { projectId: strangers.projectId, scopes: [...SCOPES] };
  keys.push(['stranger key', await insertKey(sql, strangerKey)]);
  const foreignKey = { projectId: foreignProjectId, scopes: ['inference', 'knowledge'] };
  keys.push(['foreign key', await insertKey(sql, foreignKey)]);
  await announceChange(sql);
  return { users, keys, places: { organizationId, projectId, foreignProjectId } };
}

async function insertOrganization(sql: SqlExecutor) {
  const organizationId = systemClock.newId('org_');
  await sql.execute({
    sql: `insert into organizations (id, name, created_at) values ($1, 'strangers', now())`,
    parameters: [organizationId],
  });
  return { organizationId, projectId: await insertProject(sql, organizationId) };
}

async function insertProject(sql: SqlExecutor, organizationId: string): Promise<string> {
  const id = systemClock.newId('proj_');
  await sql.execute({
    sql: `insert into projects (id, organization_id, name, created_at) values ($1, $2, 'other', now())`,
    parameters: [id, organizationId],
  });
  return id;
}

async function insertUser(
  sql: SqlExecutor,
  user: { name: string; passwordHash: string; organization: string; role: string },
) {
  const id = systemClock.newId('user_');
  const email = `${user.name.replaceAll(' ', '-')}@example.com`;
  await sql.execute({
    sql: 'insert into users (id, email, name, password_hash, created_at) values ($1, $2, $3, $4, now())',
    parameters: [id, email, user.name, user.passwordHash],
  });
  await sql.execute({
    sql: `insert into organization_members (organization_id, user_id, role, created_at)
      values ($1, $2, $3, now())`,
    parameters: [user.organization, id, user.role],
  });
  return { id, email };
}

async function insertProjectMember(
  sql: SqlExecutor,
  member: { projectId: string; id: string; role: string },
): Promise<void> {
  await sql.execute({
    sql: `insert into project_members (project_id, user_id, role, created_at)
      values ($1, $2, $3, now())`,
    parameters: [member.projectId, member.id, member.role],
  });
}

async function insertKey(
  sql: SqlExecutor,
  { projectId, scopes }: { projectId: string; scopes: readonly string[] },
): Promise<string> {
  const key = generateApiKey();
  await sql.execute({
    sql: `insert into api_keys (id, project_id, name, prefix, key_hash, scopes, created_at)
      values ($1, $2, $3, $4, $5, $6, now())`,
    parameters: [
      systemClock.newId('key_'),
      projectId,
      'a key',
      apiKeyPrefix(key),
      hashApiKey(key),
      [...scopes],
    ],
  });
  return key;
}
