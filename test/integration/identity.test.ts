import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { openPgliteDatabase } from '../../src/adapters/database/pglite.ts';
import {
  type BootstrapResult,
  bootstrap,
  createPasswordHasher,
  IdentityService,
  MemberService,
  type KeyDirectory,
  openKeyDirectory,
  SetupService,
} from '../../src/domains/identity/index.ts';
import { migrate } from '../../src/domains/ops/migration/index.ts';
import { generateApiKey } from '../../src/lib/api-key.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { type Database, DatabaseError } from '../../src/ports/database.ts';
import { databaseTemplate, temporaryFolder } from '../support/database-template.ts';
import { freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';
import { recordingLog } from '../support/recording-log.ts';
import { identityServer } from '../support/identity-server.ts';

const folder = temporaryFolder('identity');
const passwords = createPasswordHasher();
const NOTHING_GIVEN = { adminEmail: undefined, adminPassword: undefined, apiKey: undefined };

let database: Database;
let directory: KeyDirectory;
let app: FastifyInstance;
let installed: Extract<BootstrapResult, { created: true }>;
let adminKey: string;

beforeAll(async () => {
  database = await openPgliteDatabase({
    directory: join(folder, 'database'),
    templateDirectory: await databaseTemplate(),
    log: silentLog,
  });
  await migrate(database, { directory: 'migrations', clock: systemClock, log: silentLog });
});

afterAll(async () => {
  await app?.close();
  await directory?.close();
  await database?.close();
  rmSync(folder, { recursive: true, force: true });
});

const call = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object, key = adminKey) =>
  app.inject({
    method,
    url: `/api/v1${path}`,
    headers: { authorization: `Bearer ${key}` },
    ...(body === undefined ? {} : { payload: body }),
  });
const createKey = async (body: object) =>
  (await call('POST', '/keys', { name: 'k', scopes: ['inference'], ...body })).json();

describe('the first start', () => {
  test('of five instances at once: one fills the installation, the others see it', async () => {
    const dependencies = { database, clock: systemClock, passwords };
    const results = await Promise.all(
      Array.from({ length: 5 }, () => bootstrap(dependencies, NOTHING_GIVEN)),
    );
    const created = results.filter((result) => result.created);
    expect(created).toHaveLength(1);
    expect(new Set(results.map((result) => result.installationId)).size).toBe(1);
    const [winner] = created;
    if (winner?.created !== true) throw new Error('nobody filled the installation');
    installed = winner;
    expect(winner.adminEmail).toBe('admin@localhost');
    adminKey = winner.apiKey ?? '';
    expect(adminKey).toMatch(/^sk-llamp-/);
    expect(winner.oneTimeToken).toBeTruthy();
  });

  test('happens once', async () => {
    const again = await bootstrap({ database, clock: systemClock, passwords }, NOTHING_GIVEN);
    expect(again).toEqual({ created: false, installationId: installed.installationId });
  });

  test('stores no secret in clear', async () => {
    const { rows } = await database.execute<{ all: string }>({
      sql: `select (select jsonb_agg(to_jsonb(k)) from api_keys k)::text
        || (select jsonb_agg(to_jsonb(l)) from one_time_links l)::text as all`,
      parameters: [],
    });
    expect(rows[0]?.all).not.toContain(adminKey.slice(15));
    expect(rows[0]?.all).not.toContain(installed.oneTimeToken);
  });
});

describe('the management API', () => {
  beforeAll(async () => {
    directory = await openKeyDirectory({ database, clock: systemClock, log: silentLog });
    const onChange = () => directory.refresh();
    const identity = new IdentityService({ database, clock: systemClock, onChange });
    const setup = new SetupService({ database, clock: systemClock, passwords, onChange });
    const server = await identityServer({
      directory,
      identity,
      setup,
      members: new MemberService({ database, clock: systemClock }),
    });
    app = server.app;
  });

  test('me', async () => {
    const me = (await call('GET', '/me')).json();
    expect(me).toMatchObject({
      object: 'principal',
      kind: 'api_key',
      project_id: installed.projectId,
    });
    expect(me.scopes).toContain('management');
  });

  test('a key is shown once, works at once, and is revoked at once', async () => {
    const created = await createKey({ name: 'ci' });
    expect(created).toMatchObject({
      object: 'api_key',
      name: 'ci',
      scopes: ['inference'],
      revoked_at: null,
    });
    expect((await call('GET', '/me', undefined, created.key)).statusCode).toBe(200);
    expect((await call('GET', '/keys', undefined, created.key)).statusCode).toBe(403);

    const read = (await call('GET', `/keys/${created.id}`)).json();
    expect(read.key).toBeUndefined();
    expect(created.key.startsWith(read.prefix)).toBe(true);

    const deleted = await call('DELETE', `/keys/${created.id}`);
    expect(deleted.json()).toEqual({ id: created.id, object: 'api_key.deleted', deleted: true });
    expect((await call('GET', '/me', undefined, created.key)).statusCode).toBe(401);
    expect((await call('DELETE', `/keys/${created.id}`)).statusCode).toBe(200);
    expect((await call('GET', `/keys/${created.id}`)).json().revoked_at).toBeGreaterThan(0);
  });

  test('rotation keeps the old key for the overlap', async () => {
    const old = await createKey({});
    const rotated = (await call('POST', `/keys/${old.id}/rotate`, { overlap_seconds: 600 })).json();
    expect(rotated.key).not.toBe(old.key);
    expect(rotated.previous.expires_at - Date.now() / 1000).toBeCloseTo(600, -1);
    for (const key of [old.key, rotated.key]) {
      expect((await call('GET', '/me', undefined, key)).statusCode).toBe(200);
    }
    const again = (await call('POST', `/keys/${rotated.id}/rotate`, { overlap_seconds: 0 })).json();
    expect((await call('GET', '/me', undefined, rotated.key)).statusCode).toBe(401);
    expect((await call('GET', '/me', undefined, again.key)).statusCode).toBe(200);
    expect((await call('POST', `/keys/${rotated.id}/rotate`)).json().error.code).toBe(
      'api_key_not_live',
    );
    expect((await call('POST', `/keys/${again.id}/rotate`)).statusCode).toBe(200);
  });

  test.each([
    ['an unknown field', { name: 'k', scopes: ['inference'], admin: true }, 'admin'],
    ['no scope', { name: 'k', scopes: [] }, 'scopes'],
    ['an unknown scope', { name: 'k', scopes: ['root'] }, 'scopes[0]'],
    ['no name', { scopes: ['inference'] }, 'name'],
    ['an empty name', { name: '', scopes: ['inference'] }, 'name'],
    ['an end in the past', { name: 'k', scopes: ['inference'], expires_at: 1 }, 'expires_at'],
  ])('%s is 400', async (_title, body, param) => {
    const answer = await call('POST', '/keys', body);
    expect([answer.statusCode, answer.json().error.param]).toEqual([400, param]);
  });

  test('projects hold their own keys', async () => {
    const project = (await call('POST', '/projects', { name: 'Second' })).json();
    const key = await createKey({ project_id: project.id });
    expect((await call('GET', '/me', undefined, key.key)).json().project_id).toBe(project.id);
    const listed = (await call('GET', `/keys?project_id=${project.id}`)).json();
    expect(listed.data.map((each: { id: string }) => each.id)).toEqual([key.id]);
    expect((await call('GET', `/projects/${project.id}`)).json()).toMatchObject({ name: 'Second' });
    const names = (await call('GET', '/projects'))
      .json()
      .data.map((each: { name: string }) => each.name);
    expect(names).toEqual(['Default project', 'Second']);
  });

  test('lists are paged without gaps and repeats', async () => {
    for (let count = 0; count < 5; count++) await createKey({});
    const all = (await call('GET', '/keys?limit=100')).json();
    const ids: string[] = [];
    for (let after = ''; ; ) {
      const page = (await call('GET', `/keys?limit=2${after && `&after=${after}`}`)).json();
      ids.push(...page.data.map((each: { id: string }) => each.id));
      after = page.last_id;
      if (!page.has_more) break;
    }
    expect(ids).toEqual(all.data.map((each: { id: string }) => each.id));
    expect((await call('GET', '/keys?after=key_missing')).statusCode).toBe(400);
  });

  test('foreign ids are answered like missing ones', async () => {
    await database.execute({
      sql: `insert into organizations values ('org_f', 'F', now())`,
      parameters: [],
    });
    await database.execute({
      sql: `insert into projects values ('proj_f', 'org_f', 'F', now())`,
      parameters: [],
    });
    const foreign = new IdentityService({ database, clock: systemClock });
    const owner = { organizationId: 'org_f', projectId: 'proj_f' };
    const { key } = await foreign.createKey(owner, { name: 'f', scopes: ['management'] });
    const pairs = [
      ['GET', `/keys/${key.id}`, '/keys/key_missing'],
      ['DELETE', `/keys/${key.id}`, '/keys/key_missing'],
      ['POST', `/keys/${key.id}/rotate`, '/keys/key_missing/rotate'],
      ['GET', '/projects/proj_f', '/projects/proj_missing'],
      ['GET', '/keys?project_id=proj_f', '/keys?project_id=proj_missing'],
    ] as const;
    for (const [method, ofOthers, missing] of pairs) {
      const first = await call(method, ofOthers);
      const second = await call(method, missing);
      expect([method, ofOthers, first.statusCode]).toEqual([method, ofOthers, second.statusCode]);
      const masked = (text: string) => text.replace(/'[^']*'/, "'…'");
      expect(masked(first.body)).toBe(masked(second.body));
    }
    const inForeign = await call('POST', '/keys', {
      name: 'k',
      scopes: ['inference'],
      project_id: 'proj_f',
    });
    expect(inForeign.statusCode).toBe(404);
    expect((await call('GET', '/keys?limit=100')).body).not.toContain(key.id);
  });

  test('the one-time link sets the administrator, once', async () => {
    const token = installed.oneTimeToken;
    const body = {
      token,
      email: 'Boss@Example.com',
      name: 'Boss',
      password: 'correct horse battery',
    };
    const short = await call('POST', '/setup', { ...body, password: 'short' }, '');
    expect([short.statusCode, short.json().error.param]).toEqual([400, 'password']);
    const both = await Promise.all([call('POST', '/setup', body), call('POST', '/setup', body)]);
    expect(both.map((answer) => answer.statusCode).sort()).toEqual([200, 400]);
    const { key } = both.find((answer) => answer.statusCode === 200)?.json() ?? {};
    expect((await call('GET', '/users', undefined, key)).json().data).toMatchObject([
      { email: 'boss@example.com', name: 'Boss', role: 'owner', has_password: true },
    ]);
    const { rows } = await database.execute<{ password_hash: string }>({
      sql: `select password_hash from users where email = 'boss@example.com'`,
      parameters: [],
    });
    const stored = rows[0]?.password_hash ?? '';
    expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await passwords.verify(stored, 'correct horse battery')).toBe(true);
    const late = await call('POST', '/setup', body);
    expect(late.json().error.code).toBe('invalid_one_time_link');
  });

  test('an expired link is refused', async () => {
    const setup = new SetupService({ database, clock: systemClock, passwords });
    const { token } = await setup.createOneTimeLink({ ttlMs: -1 });
    const answer = await call('POST', '/setup', {
      token,
      email: 'a@b.c',
      name: 'A',
      password: 'long enough 12',
    });
    expect(answer.json().error.code).toBe('invalid_one_time_link');
  });
});

describe('the key directory', () => {
  test('of another instance follows a change within two seconds', async () => {
    const other = await openKeyDirectory({ database, clock: systemClock, log: silentLog });
    const created = await createKey({});
    await vi.waitFor(() => expect(other.authenticate(created.key)).not.toBeNull(), {
      timeout: 2_000,
    });
    await call('DELETE', `/keys/${created.id}`);
    await vi.waitFor(() => expect(other.authenticate(created.key)).toBeNull(), { timeout: 2_000 });
    await other.close();
  });

  test('follows by the revision when notifications are lost', async () => {
    const deaf = withDatabase({ listen: async () => async () => undefined });
    const other = await openKeyDirectory({ database: deaf, clock: systemClock, log: silentLog });
    const created = await createKey({});
    await vi.waitFor(() => expect(other.authenticate(created.key)).not.toBeNull(), {
      timeout: 2_500,
    });
    await other.close();
  });

  test('costs no query, and refuses a malformed key without a look-up', async () => {
    const execute = vi.spyOn(database, 'execute');
    const key = (await createKey({})).key;
    execute.mockClear();
    for (let count = 0; count < 1_000; count++) directory.authenticate(key);
    expect(directory.authenticate(`${key.slice(0, -1)}!`)).toBeNull();
    expect(directory.authenticate(generateApiKey())).toBeNull();
    expect(execute).not.toHaveBeenCalled();
    execute.mockRestore();
  });

  test('serves on while the database is away, says so once, and recovers', async () => {
    let isAway = false;
    const failing = withDatabase({
      execute: (statement, options) =>
        isAway
          ? Promise.reject(new DatabaseError('gone', { unavailable: true }))
          : database.execute(statement, options),
    });
    const { log, lines } = recordingLog();
    const other = await openKeyDirectory({ database: failing, clock: hastyClock(), log });
    const known = (await createKey({})).key;
    await other.refresh();
    isAway = true;
    await vi.waitFor(() => expect(lines.filter((line) => line.level === 'warn')).toHaveLength(1));
    const later = await createKey({});
    expect(other.authenticate(known)).not.toBeNull();
    expect(other.authenticate(later.key)).toBeNull();
    isAway = false;
    await vi.waitFor(() => expect(other.authenticate(later.key)).not.toBeNull());
    await vi.waitFor(() => expect(lines.map((line) => line.level)).toEqual(['warn', 'info']));
    await other.close();
  });

  test('honours the end of a key without hearing of it', async () => {
    const time = { offsetMs: 0 };
    const clock: Clock = { ...systemClock, now: () => new Date(Date.now() + time.offsetMs) };
    const other = await openKeyDirectory({ database, clock, log: silentLog });
    const { key } = await createKey({ expires_at: Math.ceil(Date.now() / 1000) + 3600 });
    await other.refresh();
    expect(other.authenticate(key)).not.toBeNull();
    time.offsetMs = 3_602_000;
    expect(other.authenticate(key)).toBeNull();
    await other.close();
  });

  test('writes when a key was used last', async () => {
    const created = await createKey({});
    const other = await openKeyDirectory({ database, clock: systemClock, log: silentLog });
    other.authenticate(created.key);
    expect((await call('GET', `/keys/${created.id}`)).json().last_used_at).toBeNull();
    await other.close();
    const { last_used_at: usedAt } = (await call('GET', `/keys/${created.id}`)).json();
    expect(usedAt).toBeGreaterThanOrEqual(created.created_at);
  });
});

test('a password flood is bounded', async () => {
  const small = createPasswordHasher({ concurrentMax: 1, waitingMax: 1 });
  const outcomes = await Promise.allSettled([small.hash('a'), small.hash('b'), small.hash('c')]);
  expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  expect(await small.hash('d')).toBeTruthy();
});

describeWithLegs('on PostgreSQL', ['postgres'], (addresses) => {
  test('ten instances with connections of their own: one fills the installation', async () => {
    const fresh = await freshPostgres(addresses.postgres);
    const instances = await Promise.all(Array.from({ length: 10 }, () => fresh.open()));
    const [first] = instances;
    if (first === undefined) throw new Error('no instance');
    await migrate(first, { directory: 'migrations', clock: systemClock, log: silentLog });
    const results = await Promise.all(
      instances.map((instance) =>
        bootstrap({ database: instance, clock: systemClock, passwords }, NOTHING_GIVEN),
      ),
    );
    expect(results.filter((result) => result.created)).toHaveLength(1);
    expect(new Set(results.map((result) => result.installationId)).size).toBe(1);

    const [a, b] = instances.slice(1, 3);
    if (a === undefined || b === undefined) throw new Error('no instances');
    const service = new IdentityService({ database: a, clock: systemClock });
    const other = await openKeyDirectory({ database: b, clock: systemClock, log: silentLog });
    const owner = await service.defaultOwner();
    const { key, secret } = await service.createKey(owner, { name: 'k', scopes: ['inference'] });
    const seen = () => other.authenticate(secret);
    await vi.waitFor(() => expect(seen()?.apiKeyId).toBe(key.id), { timeout: 2_000 });
    await service.revokeKey(owner, key.id);
    await vi.waitFor(() => expect(seen()).toBeNull(), { timeout: 2_000 });

    await other.close();
    await Promise.all(instances.map((instance) => instance.close()));
    await fresh.dispose();
  });
});

/** The real database with some methods replaced. */
function withDatabase(changes: Partial<Pick<Database, 'listen' | 'execute'>>): Database {
  return {
    capabilities: database.capabilities,
    serverVersion: database.serverVersion,
    get waiting() {
      return database.waiting;
    },
    execute: (statement, options) => database.execute(statement, options),
    transaction: (work, options) => database.transaction(work, options),
    batch: (statements, options) => database.batch(statements, options),
    forProject: (projectId) => database.forProject(projectId),
    executeScript: (sql) => database.executeScript(sql),
    listen: (channel, onNotification, onReconnect) =>
      database.listen(channel, onNotification, onReconnect),
    close: async () => undefined,
    ...changes,
  };
}

/** Polls a hundred times as often as in production. */
function hastyClock(): Clock {
  return { ...systemClock, sleep: (delayMs, signal) => systemClock.sleep(delayMs / 100, signal) };
}
