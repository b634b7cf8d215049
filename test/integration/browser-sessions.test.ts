import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshPglite, freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';
import {
  type Answer,
  type Installation,
  installPeople,
  OWNER,
  type PeopleInstance,
  startPeopleInstance,
} from '../support/people-instance.ts';

const PUBLIC = 'https://llamp.example.com';
const LOOPBACK = 'http://localhost';

describe('browser sessions on PGlite', () => browserTests(freshPglite));
describeWithLegs('browser sessions on PostgreSQL', ['postgres'], ({ postgres }) =>
  browserTests(() => freshPostgres(postgres)),
);

function browserTests(fresh: () => Promise<FreshDatabase>): void {
  let installation: Installation;
  let local: PeopleInstance;
  let behindProxy: PeopleInstance;

  beforeAll(async () => {
    installation = await installPeople(fresh);
    local = await startPeopleInstance(installation);
    behindProxy = await startPeopleInstance(installation, { publicUrl: PUBLIC });
  });
  afterAll(async () => {
    await local?.close();
    await behindProxy?.close();
    await installation?.dispose();
  });

  const withCookie = { ...OWNER, session: 'cookie' };
  const auth = (
    instance: PeopleInstance,
    path: string,
    { body, origin, cookie, host }: BrowserCall = {},
  ) =>
    instance.call(`/api/v1/auth${path}`, {
      method: 'POST',
      body,
      headers: {
        ...(origin === undefined ? {} : { origin }),
        ...(cookie === undefined ? {} : { cookie }),
        host: host ?? 'localhost',
      },
    });
  const signedIn = async (instance: PeopleInstance, origin: string) => {
    const answer = await auth(instance, '/sign-in', { body: withCookie, origin });
    expect(answer.status).toBe(200);
    return { answer, cookie: cookieOf(answer) };
  };

  test('ID-1 programs get no cookie, browsers get no refresh token', async () => {
    const program = await auth(local, '/sign-in', { body: OWNER });
    expect(program.headers['set-cookie']).toBeUndefined();
    expect(program.json).toHaveProperty('refresh_token');
    const { answer } = await signedIn(local, LOOPBACK);
    expect(answer.json).toHaveProperty('access_token');
    expect(answer.json).not.toHaveProperty('refresh_token');
  });

  test('ID-1 the cookie is Secure with the __Host- prefix, except on this machine', async () => {
    const secure = (await signedIn(behindProxy, PUBLIC)).answer.headers['set-cookie'];
    expect(secure).toMatch(
      /^__Host-llamp_session=[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure$/,
    );
    const loopback = (await signedIn(local, LOOPBACK)).answer.headers['set-cookie'];
    expect(loopback).toMatch(
      /^llamp_session=[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Lax$/,
    );
    const plain = await auth(local, '/sign-in', {
      body: withCookie,
      origin: 'http://llamp.internal',
      host: 'llamp.internal',
    });
    expect([plain.status, plain.code]).toEqual([400, 'session_needs_https']);
  });

  test('ID-1 the cookie refreshes and signs out, and changes with each refresh', async () => {
    const first = await signedIn(local, LOOPBACK);
    const refreshed = await auth(local, '/refresh', { origin: LOOPBACK, cookie: first.cookie });
    expect(refreshed.status).toBe(200);
    expect(refreshed.json).not.toHaveProperty('refresh_token');
    const second = cookieOf(refreshed);
    expect(second).not.toBe(first.cookie);
    const token = String(refreshed.json['access_token']);
    expect((await local.call('/api/v1/me', { token })).status).toBe(200);
    const out = await auth(local, '/sign-out', { origin: LOOPBACK, cookie: second });
    expect(out.status).toBe(204);
    expect(out.headers['set-cookie']).toContain('llamp_session=; Path=/; Max-Age=0');
    expect((await local.call('/api/v1/me', { token })).status).toBe(401);
    const over = await auth(local, '/refresh', { origin: LOOPBACK, cookie: second });
    expect([over.status, over.code]).toEqual([401, 'invalid_refresh_token']);
  });

  test.each([
    ['no origin', undefined],
    ['another site', 'https://evil.example.com'],
    ['another port', 'http://localhost:8080'],
    ['another scheme', 'https://localhost'],
    ['a sandboxed page', 'null'],
    ['a prefix of ours', 'http://localhost.evil.example.com'],
  ])('ID-1 a cookie from %s is refused', async (_name, origin) => {
    const { cookie } = await signedIn(local, LOOPBACK);
    for (const path of ['/refresh', '/sign-out']) {
      const refused = await auth(local, path, { origin, cookie });
      expect([refused.status, refused.code]).toEqual([403, 'wrong_origin']);
    }
    const begun = await auth(local, '/sign-in', { body: withCookie, origin });
    expect([begun.status, begun.code]).toEqual([403, 'wrong_origin']);
    // Nothing happened to the session.
    expect((await auth(local, '/refresh', { origin: LOOPBACK, cookie })).status).toBe(200);
  });

  test('ID-1 no other route takes the cookie, and a cookie of another name counts for nothing', async () => {
    const { cookie } = await signedIn(local, LOOPBACK);
    const me = await local.call('/api/v1/me', { headers: { cookie, origin: LOOPBACK } });
    expect(me.status).toBe(401);
    const secure = cookie.replace('llamp_session', '__Host-llamp_session');
    const wrongName = await auth(local, '/refresh', { origin: LOOPBACK, cookie: secure });
    expect([wrongName.status, wrongName.code]).toEqual([401, 'invalid_refresh_token']);
    // The installation behind https takes the prefixed one alone.
    const tossed = await auth(behindProxy, '/refresh', { origin: PUBLIC, cookie });
    expect([tossed.status, tossed.code]).toEqual([401, 'invalid_refresh_token']);
  });
}

interface BrowserCall {
  readonly body?: object;
  readonly origin?: string;
  readonly cookie?: string;
  readonly host?: string;
}

const cookieOf = (answer: Answer) => String(answer.headers['set-cookie']).split(';')[0] ?? '';
