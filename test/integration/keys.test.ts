import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { openPgliteDatabase } from '../../src/adapters/database/pglite.ts';
import { changeStatement } from '../../src/domains/audit/index.ts';
import {
  bootstrap,
  createPasswordHasher,
  IdentityService,
  type KeyDirectory,
  MemberService,
  openKeyDirectory,
  type RecordChange,
  SetupService,
} from '../../src/domains/identity/index.ts';
import { migrate } from '../../src/domains/ops/migration/index.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Database } from '../../src/ports/database.ts';
import { databaseTemplate, temporaryFolder } from '../support/database-template.ts';
import { identityServer } from '../support/identity-server.ts';

const folder = temporaryFolder('keys');
const passwords = createPasswordHasher();
const PROXY = '10.0.0.1';
const HOUR_S = 3_600;

let database: Database;
let directory: KeyDirectory;
let identity: IdentityService;
let app: FastifyInstance;
let adminKey: string;

beforeAll(async () => {
  database = await openPgliteDatabase({
    directory: join(folder, 'database'),
    templateDirectory: await databaseTemplate(),
    log: silentLog,
  });
  await migrate(database, { directory: 'migrations', clock: systemClock, log: silentLog });
  const nothing = { adminEmail: undefined, adminPassword: undefined, apiKey: undefined };
  const first = await bootstrap({ database, clock: systemClock, passwords }, nothing);
  adminKey = first.created ? (first.apiKey ?? '') : '';
  directory = await openKeyDirectory({ database, clock: systemClock, log: silentLog });
  const onChange = () => directory.refresh();
  const recordChange: RecordChange = (changer, change) =>
    changeStatement(systemClock, changer, change);
  identity = new IdentityService({ database, clock: systemClock, onChange, recordChange });
  const members = new MemberService({ database, clock: systemClock });
  const setup = new SetupService({ database, clock: systemClock, passwords, onChange });
  ({ app } = await identityServer({
    directory,
    identity,
    setup,
    members,
    trustedProxies: [PROXY],
  }));
});

afterAll(async () => {
  await app?.close();
  await directory?.close();
  await database?.close();
  rmSync(folder, { recursive: true, force: true });
});

interface From {
  readonly key?: string;
  readonly address?: string;
  readonly forwarded?: string;
}

async function call(
  method: 'GET' | 'POST' | 'PATCH',
  path: string,
  body?: object,
  { key = adminKey, address = '127.0.0.1', forwarded }: From = {},
) {
  const answer = await app.inject({
    method,
    url: `/api/v1${path}`,
    headers: {
      authorization: `Bearer ${key}`,
      ...(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }),
    },
    remoteAddress: address,
    ...(body === undefined ? {} : { payload: body }),
  });
  return { status: answer.statusCode, json: answer.json(), error: answer.json().error };
}

async function created(body: object = {}, from: From = {}) {
  const answer = await call('POST', '/keys', { name: 'k', scopes: ['inference'], ...body }, from);
  expect(answer.status, JSON.stringify(answer.json)).toBe(201);
  return answer.json;
}

const patch = (id: string, body: object, from: From = {}) =>
  call('PATCH', `/keys/${id}`, body, from);

test('ID-3 a key has models and addresses from the start, and shows them', async () => {
  const rights = { models: ['gpt-5', 'a/b'], allowed_addresses: ['10.0.0.0/8', '2001:db8::1'] };
  const key = await created(rights);
  expect(key).toMatchObject(rights);
  expect((await call('GET', `/keys/${key.id}`)).json).toMatchObject(rights);
  expect(await created()).toMatchObject({ models: null, allowed_addresses: null });
});

test('ID-3 PATCH changes what it names and nothing else, in force at once', async () => {
  const key = await created({ models: ['m'], scopes: ['management'] });
  const expiresAt = Math.ceil(Date.now() / 1000) + HOUR_S;
  const renamed = await patch(key.id, { name: 'new', expires_at: expiresAt });
  expect(renamed.json).toMatchObject({
    id: key.id,
    name: 'new',
    models: ['m'],
    scopes: ['management'],
    expires_at: expiresAt,
    prefix: key.prefix,
  });
  const from = { key: key.key };
  expect((await call('GET', '/keys', undefined, from)).status).toBe(200);
  await patch(key.id, { scopes: ['inference'], models: null, expires_at: null });
  expect((await call('GET', '/keys', undefined, from)).status).toBe(403);
  expect((await call('GET', `/keys/${key.id}`)).json).toMatchObject({
    scopes: ['inference'],
    models: null,
    expires_at: null,
  });
});

test('ID-3 PATCH of an ended or unknown key, and into the past, is refused', async () => {
  const key = await created();
  const past = await patch(key.id, { expires_at: 1 });
  expect([past.status, past.error.param]).toEqual([400, 'expires_at']);
  await identity.revokeKey(await identity.defaultOwner(), key.id);
  const ended = await patch(key.id, { name: 'x' });
  expect([ended.status, ended.error.code, ended.error.param]).toEqual([
    400,
    'api_key_not_live',
    'key_id',
  ]);
  expect((await patch('key_unknown', { name: 'x' })).status).toBe(404);
});

test('ID-3 a change is written down with its fields, and one that changes nothing is not', async () => {
  const key = await created({ models: ['m'] });
  await patch(key.id, { name: 'k', models: ['m'] });
  await patch(key.id, { models: ['n'], allowed_addresses: ['10.0.0.0/8'] });
  const { rows } = await database.execute<{ changes: object }>({
    sql: `select changes from audit_events where action = 'keys.update' and resource_id = $1`,
    parameters: [key.id],
  });
  expect(rows).toEqual([
    {
      changes: {
        models: { before: ['m'], after: ['n'] },
        allowed_addresses: { before: null, after: ['10.0.0.0/8'] },
      },
    },
  ]);
});

test.each([
  [{ models: [] }, 'models'],
  [{ models: ['m', 'm'] }, 'models'],
  [{ models: [''] }, 'models[0]'],
  [{ allowed_addresses: [] }, 'allowed_addresses'],
  [{ allowed_addresses: ['10.0.0.0/8', 'everywhere'] }, 'allowed_addresses[1]'],
  [{ allowed_addresses: ['10.0.0.0/33'] }, 'allowed_addresses[0]'],
  [{ prefix: 'x' }, 'prefix'],
])('ID-3 %j is 400 in a new key and in a change', async (body, param) => {
  const made = await call('POST', '/keys', { name: 'k', scopes: ['inference'], ...body });
  const key = await created();
  const patched = await patch(key.id, body);
  for (const answer of [made, patched])
    expect([answer.status, answer.error.param]).toEqual([400, param]);
});

test('ID-3 the address counts as the trusted proxy tells it, and nobody else', async () => {
  const { key } = await created({ allowed_addresses: ['192.0.2.0/24', '2001:db8::/32'] });
  const from = async (place: From) => {
    const answer = await call('GET', '/me', undefined, { key, ...place });
    return answer.status === 200 ? 'in' : answer.error.code;
  };
  const refused = 'ip_not_authorized';
  expect(await from({ address: '192.0.2.9' })).toBe('in');
  expect(await from({ address: '::ffff:192.0.2.9' })).toBe('in');
  expect(await from({ address: '2001:db8::9' })).toBe('in');
  expect(await from({ address: '198.51.100.9' })).toBe(refused);
  expect(await from({ address: '2001:db9::9' })).toBe(refused);
  expect(await from({ address: PROXY, forwarded: '192.0.2.9' })).toBe('in');
  expect(await from({ address: PROXY, forwarded: '198.51.100.9' })).toBe(refused);
  expect(await from({ address: PROXY, forwarded: 'nonsense' })).toBe(refused);
  // What a client writes before the proxy's own entry is not believed.
  expect(await from({ address: PROXY, forwarded: '192.0.2.9, 198.51.100.9' })).toBe(refused);
  expect(await from({ address: '198.51.100.9', forwarded: '192.0.2.9' })).toBe(refused);
  expect(await from({ address: '192.0.2.9', forwarded: '198.51.100.9' })).toBe('in');
});

test('ID-3 nobody gives away a scope or model that they lack', async () => {
  const manager = await created({ scopes: ['management', 'inference'], models: ['m', 'n'] });
  const as = { key: manager.key };
  const make = async (body: object) => {
    const answer = await call('POST', '/keys', { name: 'k', models: ['m'], ...body }, as);
    return answer.status === 201 ? 'made' : [answer.status, answer.error.param];
  };
  expect(await make({ scopes: ['inference'] })).toBe('made');
  expect(await make({ scopes: ['inference', 'knowledge'] })).toEqual([403, 'scopes']);
  expect(await make({ scopes: ['inference'], models: null })).toEqual([403, 'models']);
  expect(await make({ scopes: ['inference'], models: ['m', 'o'] })).toEqual([403, 'models']);

  const strong = await created({ scopes: ['inference', 'knowledge'], models: null });
  const weak = await created({ scopes: ['inference'], models: ['m'] });
  const change = async (id: string, body: object) => {
    const answer = await patch(id, body, as);
    return answer.status === 200 ? 'changed' : [answer.status, answer.error.code];
  };
  const [noScope, noModel] = [
    [403, 'scope_not_held'],
    [403, 'model_not_held'],
  ];
  expect(await change(weak.id, { scopes: ['knowledge'] })).toEqual(noScope);
  expect(await change(weak.id, { models: null })).toEqual(noModel);
  expect(await change(weak.id, { models: ['m', 'n'] })).toBe('changed');
  // What the key has already is not given, and may be taken.
  expect(await change(strong.id, { name: 'renamed' })).toBe('changed');
  expect(await change(strong.id, { scopes: ['knowledge'] })).toBe('changed');
  expect(await change(strong.id, { scopes: ['knowledge', 'metrics'] })).toEqual(noScope);
  const rotated = await call('POST', `/keys/${strong.id}/rotate`, {}, as);
  expect([rotated.status, rotated.error.code]).toEqual(noScope);
  expect((await call('POST', `/keys/${weak.id}/rotate`, {}, as)).status).toBe(200);
});

test('ID-3 a rotation keeps models, addresses and maker', async () => {
  const owner = await identity.defaultOwner();
  const { rows } = await database.execute<{ id: string }>({
    sql: 'select id from users limit 1',
    parameters: [],
  });
  const userId = rows[0]?.id ?? '';
  const input = { name: 'k', scopes: ['inference' as const], models: ['m'], addresses: ['::1'] };
  const made = await identity.createKey({ ...owner, kind: 'user', userId }, input);
  expect(made.key.created_by).toBe(userId);
  const { json } = await call('POST', `/keys/${made.key.id}/rotate`, {});
  const kept = { models: ['m'], allowed_addresses: ['::1'], created_by: userId };
  expect(json).toMatchObject({ ...kept, previous: kept });
});
