import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { openPgliteDatabase } from '../../src/adapters/database/pglite.ts';
import {
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
import type { Database } from '../../src/ports/database.ts';
import { databaseTemplate, temporaryFolder } from '../support/database-template.ts';
import { seededRandom } from '../support/power-cut/seeded-random.ts';
import { identityServer } from '../support/identity-server.ts';

const CALLS = 10_000;
const folder = temporaryFolder('bad-input');
const apiKey = generateApiKey();
let database: Database;
let directory: KeyDirectory;
let app: FastifyInstance;

beforeAll(async () => {
  database = await openPgliteDatabase({
    directory: join(folder, 'database'),
    templateDirectory: await databaseTemplate(),
    log: silentLog,
  });
  await migrate(database, { directory: 'migrations', clock: systemClock, log: silentLog });
  const passwords = createPasswordHasher();
  const first = { adminEmail: undefined, adminPassword: undefined, apiKey };
  await bootstrap({ database, clock: systemClock, passwords }, first);
  directory = await openKeyDirectory({ database, clock: systemClock, log: silentLog });
  const identity = new IdentityService({ database, clock: systemClock });
  const setup = new SetupService({ database, clock: systemClock, passwords });
  const server = await identityServer({
    directory,
    identity,
    setup,
    members: new MemberService({ database, clock: systemClock }),
  });
  app = server.app;
});

afterAll(async () => {
  await app?.close();
  await directory?.close();
  await database?.close();
  rmSync(folder, { recursive: true, force: true });
});

const METHODS = ['GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'HEAD'] as const;
const PATHS = [
  '/api/v1/me',
  '/api/v1/projects',
  '/api/v1/projects/{}',
  '/api/v1/keys',
  '/api/v1/keys/{}',
  '/api/v1/keys/{}/rotate',
  '/api/v1/users',
  '/api/v1/setup',
  '/setup',
  '/{}',
];
// Each has broken some server: types, sizes, encodings, prototypes, numbers beyond the range of SQL.
const VALUES: unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  9_007_199_254_740_993,
  '',
  ' ',
  'a'.repeat(300),
  'a\u0000b',
  '\ud800',
  '🦙',
  '../../etc/passwd',
  "' or 1=1 --",
  '%00',
  '\r\nx-injected: 1',
  [],
  [[]],
  {},
  { $ref: '#' },
  'inference',
  ['inference'],
  ['inference', 'inference'],
  4_102_444_800,
];
const FIELDS = [
  'name',
  'scopes',
  'project_id',
  'expires_at',
  'overlap_seconds',
  'token',
  'email',
  'password',
  'constructor',
  '__proto__',
  'limit',
  'after',
];
const TEXTS = [
  '',
  '{',
  '[]',
  'null',
  '"x"',
  '{"name":1e999}',
  `${'['.repeat(5_000)}`,
  '{"__proto__":{"a":1}}',
  '\ufeff{}',
  '{"name":"\\u0000"}',
];

// Right as they are, so that some calls get through and the changed ones get far.
const BODIES: object[] = [
  { name: 'n' },
  { name: 'n', scopes: ['inference'] },
  { overlap_seconds: 5 },
  { token: 't', email: 'a@b.c', name: 'n', password: 'long enough 12' },
  {},
];

function randomCall(random: () => number): InjectOptions {
  const pick = <T>(values: readonly T[]): T => {
    const value = values[Math.floor(random() * values.length)];
    if (value === undefined && values.length === 0) throw new Error('nothing to pick');
    return value as T;
  };
  const urlPart = () => encodeURIComponent(wellFormed(String(pick(VALUES))));
  const query = random() < 0.4 ? `?${pick(FIELDS)}${pick(['', '[]'])}=${urlPart()}` : '';
  const url = pick(PATHS).replace('{}', urlPart()) + query;
  const changes = Array.from({ length: Math.floor(random() * 3) }, () => [
    pick(FIELDS),
    pick(VALUES),
  ]);
  const body = { ...pick(BODIES), ...Object.fromEntries(changes) };
  const payload = random() < 0.2 ? pick(TEXTS) : JSON.stringify(body);
  const type =
    random() < 0.9 ? 'application/json' : pick(['text/plain', 'multipart/form-data', 'a/b;c', '']);
  const key = random() < 0.9 ? apiKey : pick(['', 'x', generateApiKey()]);
  const method = pick(METHODS);
  return {
    method,
    url,
    headers: { authorization: `Bearer ${key}`, 'content-type': type },
    ...(method === 'GET' || method === 'HEAD' ? {} : { payload }),
  };
}

// A lone surrogate cannot be percent-encoded.
const wellFormed = (text: string) => text.toWellFormed();

test(`${CALLS} generated calls: no 5xx, every refusal in the envelope, with an id`, {
  timeout: 120_000,
}, async () => {
  const random = seededRandom(20_261_124);
  const counts = new Map<number, number>();
  for (let count = 0; count < CALLS; count++) {
    const call = randomCall(random);
    const answer = await app.inject(call);
    counts.set(answer.statusCode, (counts.get(answer.statusCode) ?? 0) + 1);
    const told = JSON.stringify({ call, body: answer.body.slice(0, 300) });
    expect(answer.statusCode, told).toBeLessThan(500);
    expect(answer.headers['x-request-id'], told).toMatch(/^req_/);
    const isPage = String(answer.headers['content-type']).startsWith('text/html');
    if (answer.statusCode >= 400 && call.method !== 'HEAD' && !isPage) {
      const { error } = answer.json();
      expect(Object.keys(error), told).toEqual(['message', 'type', 'param', 'code']);
      expect(error.message, told).not.toMatch(/select|insert|node_modules|\bat \w+ \(/i);
    }
  }
  const seen = JSON.stringify([...counts]);
  // The mix must reach the services, or it shows nothing.
  for (const status of [200, 201, 400, 401, 404, 405, 415])
    expect(counts.get(status) ?? 0, `${status} of ${seen}`).toBeGreaterThan(5);
  expect(
    (await app.inject({ url: '/api/v1/me', headers: { 'x-api-key': apiKey } })).statusCode,
  ).toBe(200);
});
