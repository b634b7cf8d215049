import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { changeStatement } from '../../src/domains/audit/index.ts';
import {
  bootstrap,
  type Changer,
  createPasswordHasher,
  IdentityService,
  MemberService,
} from '../../src/domains/identity/index.ts';
import type { Role } from '../../src/domains/identity/role.ts';
import { migrate } from '../../src/domains/ops/migration/index.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Database } from '../../src/ports/database.ts';
import { type AccessWorld, peopleAccess } from '../support/access-world.ts';
import { type FreshDatabase, freshPglite, freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';

const NOTHING_GIVEN = { adminEmail: undefined, adminPassword: undefined, apiKey: undefined };
const clock = systemClock;

describe('members on PGlite', () => memberTests(freshPglite));
describeWithLegs('members on PostgreSQL', ['postgres'], ({ postgres }) =>
  memberTests(() => freshPostgres(postgres)),
);

function memberTests(fresh: () => Promise<FreshDatabase>): void {
  let made: FreshDatabase;
  let database: Database;
  let world: AccessWorld;
  let members: MemberService;
  let identity: IdentityService;

  beforeAll(async () => {
    made = await fresh();
    database = await made.open();
    await migrate(database, { directory: 'migrations', clock, log: silentLog });
    await bootstrap({ database, clock, passwords: createPasswordHasher() }, NOTHING_GIVEN);
    world = await peopleAccess(database, async () => 'no token is needed here');
    const recordChange = (changer: Changer, change: Parameters<typeof changeStatement>[2]) =>
      changeStatement(clock, changer, change);
    members = new MemberService({ database, clock, recordChange });
    identity = new IdentityService({ database, clock, recordChange });
  });

  afterAll(async () => {
    await database?.close();
    await made?.dispose();
  });

  const idOf = (name: string) => world.userIds.get(name) ?? '';
  const as = (name: string) => {
    const [roleIn, role] = name.split(' ') as ['organization' | 'project', Role];
    return {
      kind: 'user' as const,
      organizationId: world.organizationId,
      projectId: world.projectId,
      apiKeyId: null,
      userId: idOf(name),
      role,
      roleIn,
      scopes: roleIn === 'organization' ? ALL : PROJECT,
    };
  };
  const ALL = ['inference', 'knowledge', 'management', 'metrics'] as const;
  const PROJECT = ['inference', 'knowledge'] as const;
  const roleOf = async (projectId: string | null, name: string) =>
    (await members.list(as('organization owner'), projectId, { limit: 100 })).rows.find(
      ({ id }) => id === idOf(name),
    )?.role;

  test('ID-2 an admin makes no owner and touches none', async () => {
    const admin = as('organization admin');
    const owner = { projectId: null, userId: idOf('organization owner') };
    const refused = { code: 'role_not_held', status: 403 };
    await expect(members.setRole(admin, { ...owner, role: 'member' })).rejects.toMatchObject(
      refused,
    );
    await expect(members.remove(admin, owner)).rejects.toMatchObject(refused);
    const self = { projectId: null, userId: admin.userId, role: 'owner' as const };
    await expect(members.setRole(admin, self)).rejects.toMatchObject(refused);
    const key = { ...admin, kind: 'api_key' as const };
    await expect(members.setRole(key, self)).rejects.toMatchObject(refused);
  });

  test('ID-2 people with a role in a project reach that project', async () => {
    const caller = as('project admin');
    const outside = { projectId: world.foreignProjectId, userId: idOf('foreign viewer') };
    await expect(members.remove(caller, outside)).rejects.toMatchObject({
      code: 'project_not_found',
    });
    await expect(members.list(caller, null, { limit: 10 })).rejects.toMatchObject({
      code: 'organization_out_of_reach',
    });
    const { rows } = await members.list(caller, world.projectId, { limit: 2 });
    expect(rows).toHaveLength(2);
  });

  test('ID-2 a member is added, changed and removed, each written down', async () => {
    const caller = as('project admin');
    const wanted = { userId: idOf('foreign viewer'), email: null };
    const { projectId } = world;
    await expect(
      members.addToProject(caller, projectId, { ...wanted, role: 'owner' }),
    ).rejects.toMatchObject({ code: 'role_not_held' });
    await members.addToProject(caller, projectId, { ...wanted, role: 'viewer' });
    await expect(
      members.addToProject(caller, projectId, { ...wanted, role: 'viewer' }),
    ).rejects.toMatchObject({ code: 'already_member', status: 409 });
    await members.setRole(caller, { projectId, userId: wanted.userId, role: 'developer' });
    expect(await roleOf(projectId, 'foreign viewer')).toBe('developer');
    await members.remove(caller, { projectId, userId: wanted.userId });
    expect(await roleOf(projectId, 'foreign viewer')).toBeUndefined();
    const { rows } = await database.execute<{ action: string }>({
      sql: `select action from audit_events where resource_id = $1 order by created_at, id`,
      parameters: [wanted.userId],
    });
    expect(rows.map(({ action }) => action).sort()).toEqual([
      'members.add',
      'members.remove',
      'members.update',
    ]);
    const nobody = { userId: 'user_nobody', email: null, role: 'viewer' as const };
    await expect(members.addToProject(caller, projectId, nobody)).rejects.toMatchObject({
      code: 'user_not_found',
      param: 'user_id',
    });
  });

  test('ID-3 developers have the keys they made, and lose them with their place', async () => {
    const { projectId } = world;
    const developer = as('project developer');
    const input = { name: 'own', scopes: ['inference'] as const };
    const { key } = await identity.createKey(developer, input);
    const other = await identity.createKey(as('project owner'), input);
    expect(key.created_by).toBe(developer.userId);
    const { rows } = await identity.listKeys(developer, { limit: 100 });
    expect(rows.map(({ id }) => id)).toEqual([key.id]);
    await expect(identity.revokeKey(developer, other.key.id)).rejects.toMatchObject({
      code: 'api_key_not_found',
    });
    await members.remove(as('project owner'), { projectId, userId: developer.userId });
    const read = (id: string) => identity.getKey(as('organization owner'), id);
    expect((await read(key.id)).revoked_at).not.toBeNull();
    expect((await read(other.key.id)).revoked_at).toBeNull();
  });

  test('ID-2 nobody grants a scope that they lack', async () => {
    const input = { name: 'too much', scopes: ['management'] as const };
    await expect(identity.createKey(as('project owner'), input)).rejects.toMatchObject({
      code: 'scope_not_held',
      param: 'scopes',
      status: 403,
    });
    await expect(identity.createKey(as('organization admin'), input)).resolves.toBeDefined();
  });

  test('ID-2 of two owners who take each other away at once, one stays', async () => {
    const { rows } = await database.execute<{ user_id: string }>({
      sql: `update organization_members set role = 'owner'
        where organization_id = $1 and (role = 'owner' or user_id = $2) returning user_id`,
      parameters: [world.organizationId, idOf('organization auditor')],
    });
    const caller = as('organization owner');
    const removals = await Promise.allSettled(
      rows.map(({ user_id: userId }) => members.remove(caller, { projectId: null, userId })),
    );
    const refusals = removals.filter(({ status }) => status === 'rejected');
    expect(refusals).toEqual([
      { status: 'rejected', reason: expect.objectContaining({ code: 'last_owner', status: 409 }) },
    ]);
    const owners = (await members.list(caller, null, { limit: 100 })).rows.filter(
      ({ role }) => role === 'owner',
    );
    expect(owners).toHaveLength(1);
  });
}
