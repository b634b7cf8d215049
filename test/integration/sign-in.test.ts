import type { FastifyInstance } from 'fastify';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import {
  bootstrap,
  createPasswordHasher,
  identityRoutes,
  IdentityService,
  MemberService,
  jwksRoute,
  SetupService,
  SignIn,
  signInRoutes,
} from '../../src/domains/identity/index.ts';
import { migrate } from '../../src/domains/ops/migration/index.ts';
import { buildServer } from '../../src/http/server.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/lib/metrics.ts';
import { createSecretBox } from '../../src/lib/secret-box.ts';
import type { Database } from '../../src/ports/database.ts';
import { type FreshDatabase, freshPglite, freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';

const EMAIL = 'admin@example.com';
const PASSWORD = 'a long enough password';
const ADMINISTRATOR = { adminEmail: EMAIL, adminPassword: PASSWORD, apiKey: undefined };

describe('sign-in on PGlite', () => signInTests(freshPglite));
describeWithLegs('sign-in on PostgreSQL', ['postgres'], ({ postgres }) =>
  signInTests(() => freshPostgres(postgres)),
);

function signInTests(fresh: () => Promise<FreshDatabase>): void {
  let made: FreshDatabase;
  let database: Database;
  let signIn: SignIn;
  let other: SignIn;
  let app: FastifyInstance;

  beforeAll(async () => {
    made = await fresh();
    database = await made.open();
    await migrate(database, { directory: 'migrations', clock: systemClock, log: silentLog });
    const passwords = createPasswordHasher();
    await bootstrap({ database, clock: systemClock, passwords }, ADMINISTRATOR);
    const options = {
      database,
      clock: systemClock,
      log: silentLog,
      passwords,
      parties: { issuer: 'llamp:inst_test', audience: 'llamp' },
      box: createSecretBox(randomBytes(32)),
      onSecurityEvent: async () => undefined,
    };
    signIn = new SignIn(options);
    other = new SignIn(options);
    await signIn.open();
    await other.open();
    app = await serverOf(database, signIn);
  });
  afterAll(async () => {
    await app?.close();
    await signIn?.close();
    await other?.close();
    await database?.close();
    await made?.dispose();
  });

  const post = (path: string, payload: object) =>
    app.inject({ method: 'POST', url: `/api/v1/auth${path}`, payload });
  const get = (url: string, token: string, headers: Record<string, string> = {}) =>
    app.inject({ url, headers: { authorization: `Bearer ${token}`, ...headers } });
  const signedIn = async () => {
    const answer = await post('/sign-in', { email: EMAIL.toUpperCase(), password: PASSWORD });
    expect(answer.statusCode).toBe(200);
    return answer.json<{ access_token: string; refresh_token: string }>();
  };

  test('an access token acts as its user where a key does', async () => {
    const { access_token: token } = await signedIn();
    const me = await get('/api/v1/me', token);
    expect(me.json()).toMatchObject({ kind: 'user', api_key_id: null });
    expect((await get('/api/v1/projects', token)).statusCode).toBe(200);
    const foreign = await get('/api/v1/me', token, { 'x-llamp-project': 'proj_foreign' });
    expect([foreign.statusCode, foreign.json().error.code]).toEqual([404, 'project_not_found']);
    const changed = await get('/api/v1/me', `${token.slice(0, -8)}AAAAAAAA`);
    expect([changed.statusCode, changed.json().error.code]).toEqual([401, 'invalid_api_key']);
  });

  test('rotating the signing key refuses no token', async () => {
    const { access_token: before } = await signedIn();
    await signIn.rotateSigningKey();
    const { access_token: after } = await signedIn();
    const { keys } = (await app.inject({ url: '/.well-known/jwks.json' })).json();
    expect(keys).toHaveLength(2);
    expect(JSON.stringify(keys)).not.toContain('"d"');
    for (const token of [before, after])
      expect((await get('/api/v1/me', token)).statusCode).toBe(200);
  });

  test('signing out ends the tokens on every instance', async () => {
    const { access_token: token, refresh_token } = await signedIn();
    await other.refresh(refresh_token);
    expect(other.authenticate(token)).not.toBeNull();
    expect((await post('/sign-out', { refresh_token })).statusCode).toBe(204);
    expect((await get('/api/v1/me', token)).statusCode).toBe(401);
    await vi.waitFor(() => expect(other.authenticate(token)).toBeNull(), { timeout: 2_000 });
    const refused = await post('/refresh', { refresh_token });
    expect([refused.statusCode, refused.json().error.code]).toEqual([401, 'invalid_refresh_token']);
  });

  test('a password set by a one-time link ends every session', async () => {
    const { access_token: token, refresh_token } = await signedIn();
    const setup = new SetupService({
      database,
      clock: systemClock,
      passwords: createPasswordHasher(),
    });
    const link = await setup.createOneTimeLink({ email: EMAIL });
    const { token: linkToken } = link;
    const input = { token: linkToken, email: EMAIL, name: 'Administrator', password: PASSWORD };
    await setup.completeSetup(input);
    await vi.waitFor(() => expect(signIn.authenticate(token)).toBeNull(), { timeout: 2_000 });
    expect((await post('/refresh', { refresh_token })).statusCode).toBe(401);
    expect((await signedIn()).access_token).not.toBe(token);
  });

  test('wrong passwords and unknown accounts are one answer, and many are throttled', async () => {
    const wrong = await post('/sign-in', { email: EMAIL, password: 'wrong' });
    const unknown = await post('/sign-in', { email: 'nobody@example.com', password: 'wrong' });
    expect(wrong.statusCode).toBe(401);
    expect(unknown.json().error).toEqual(wrong.json().error);
    for (let attempt = 0; attempt < 9; attempt++)
      await post('/sign-in', { email: 'nobody@example.com', password: 'wrong' });
    const throttled = await post('/sign-in', { email: 'nobody@example.com', password: 'wrong' });
    expect([throttled.statusCode, throttled.json().error.code]).toEqual([429, 'too_many_sign_ins']);
    expect(Number(throttled.headers['retry-after'])).toBeGreaterThan(0);
  });
}

async function serverOf(database: Database, signIn: SignIn): Promise<FastifyInstance> {
  const clock = systemClock;
  const identity = new IdentityService({ database, clock });
  const setup = new SetupService({ database, clock, passwords: createPasswordHasher() });
  const members = new MemberService({ database, clock });
  const { app } = await buildServer({
    version: '1',
    log: silentLog,
    metrics: createMetrics(),
    authenticate: (token, projectId) => signIn.authenticate(token, projectId),
    health: { results: async () => [] },
    isDraining: () => false,
    completeSetup: (input) => setup.completeSetup(input),
    domains: [
      {
        plugin: (scope) => identityRoutes(scope, { identity, setup, members }),
        prefixes: ['/api/v1'],
      },
      { plugin: (scope) => signInRoutes(scope, { signIn }), prefixes: ['/api/v1'] },
      { plugin: (scope) => jwksRoute(scope, { signIn }), prefixes: [''] },
    ],
    config: {
      trustedProxies: [],
      publicUrl: undefined,
      bodyMaxBytes: 65_536,
      fileMaxBytes: 65_536,
    },
  });
  return app;
}
