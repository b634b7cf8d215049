import { createPrivateKey, createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { SetupService } from '../../src/domains/identity/index.ts';
import { createPasswordHasher, type PasswordHasher } from '../../src/domains/identity/index.ts';
import { type FreshDatabase, freshPglite, freshPostgres } from '../support/fresh-databases.ts';
import { hostileTokens } from '../support/hostile-tokens.ts';
import { describeWithLegs } from '../support/legs.ts';
import {
  type Installation,
  installPeople,
  OWNER,
  type PeopleInstance,
  startPeopleInstance,
} from '../support/people-instance.ts';

describe('sign-in on PGlite', () => signInTests(freshPglite));
describeWithLegs('sign-in on PostgreSQL', ['postgres'], ({ postgres }) =>
  signInTests(() => freshPostgres(postgres)),
);

function signInTests(fresh: () => Promise<FreshDatabase>): void {
  let installation: Installation;
  let here: PeopleInstance;
  let there: PeopleInstance;
  const verified: string[] = [];

  beforeAll(async () => {
    installation = await installPeople(fresh);
    here = await startPeopleInstance(installation, { passwords: countingHasher(verified) });
    there = await startPeopleInstance(installation);
  });
  afterAll(async () => {
    await here?.close();
    await there?.close();
    await installation?.dispose();
  });

  const me = (token: string, headers: Record<string, string> = {}) =>
    here.call('/api/v1/me', { token, headers });
  const post = (path: string, body: object) => here.call(`/api/v1/auth${path}`, { body });

  test('ID-1 an access token acts as its user where a key does', async () => {
    const upper = { ...OWNER, email: OWNER.email.toUpperCase() };
    const { access_token: token } = await here.signIn(upper);
    expect((await me(token)).json).toMatchObject({ kind: 'user', api_key_id: null });
    expect((await here.call('/api/v1/projects', { token })).status).toBe(200);
    const foreign = await me(token, { 'x-llamp-project': 'proj_foreign' });
    expect([foreign.status, foreign.code]).toEqual([404, 'project_not_found']);
    const changed = await me(`${token.slice(0, -8)}AAAAAAAA`);
    expect([changed.status, changed.code]).toEqual([401, 'invalid_api_key']);
  });

  test('ID-1 every hostile token is a 401 over HTTP, in each header that takes a credential', async () => {
    const { database, box, clock, ownerId } = installation;
    const { access_token: real } = await here.signIn();
    const { rows } = await database.execute<Record<'id' | 'sealed' | 'public_key', string>>({
      sql: 'select id, sealed_private_key as sealed, public_key from signing_keys',
      parameters: [],
    });
    const { id: keyId = '', sealed = '', public_key: publicKey = '' } = rows[0] ?? {};
    const payload = JSON.parse(Buffer.from(real.split('.')[1] ?? '', 'base64url').toString());
    const { good, hostile } = hostileTokens({
      keyId,
      privateKey: createPrivateKey(box.open(sealed, `signing_keys/${keyId}`)),
      publicKey: createPublicKey(publicKey),
      issuer: 'llamp:inst_test',
      audience: 'llamp',
      userId: ownerId,
      sessionId: payload.sid,
      nowSeconds: Math.floor(clock.now().getTime() / 1000),
    });
    expect((await me(good)).status).toBe(200);
    expect(hostile.length).toBeGreaterThanOrEqual(40);
    const wrong: string[] = [];
    for (const [name, token] of hostile) {
      for (const [header, credential] of [
        ['authorization', `Bearer ${token}`],
        ['x-api-key', token],
      ] as const) {
        const answer = await here.call('/api/v1/me', { headers: { [header]: credential } });
        if (answer.status !== 401) wrong.push(`${name}: ${answer.status}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('signing out ends the tokens on every instance', async () => {
    const { access_token: token, refresh_token } = await here.signIn();
    await there.people.signIn.refresh(refresh_token);
    expect(there.people.signIn.authenticate(token)).not.toBeNull();
    expect((await post('/sign-out', { refresh_token })).status).toBe(204);
    expect((await me(token)).status).toBe(401);
    await vi.waitFor(() => expect(there.people.signIn.authenticate(token)).toBeNull(), 2_000);
    const refused = await post('/refresh', { refresh_token });
    expect([refused.status, refused.code]).toEqual([401, 'invalid_refresh_token']);
  });

  test('ID-1 a replayed refresh token ends its session and is written down with it', async () => {
    const { access_token: token, refresh_token: first } = await here.signIn();
    const { json } = await post('/refresh', { refresh_token: first });
    await post('/refresh', { refresh_token: json['refresh_token'] as string });
    expect((await post('/refresh', { refresh_token: first })).status).toBe(401);
    await vi.waitFor(async () => expect((await me(token)).status).toBe(401), 2_000);
    expect(here.events).toMatchObject([{ type: 'refresh_token_replayed' }]);
    const { rows } = await installation.database.execute({
      sql: `select actor_user_id, resource_id from audit_events where action = 'sessions.replay'`,
      parameters: [],
    });
    const { sessionId, userId } = here.events[0] ?? {};
    expect(rows).toEqual([{ actor_user_id: userId, resource_id: sessionId }]);
  });

  test('a password set by a one-time link ends every session', async () => {
    const { access_token: token, refresh_token } = await here.signIn();
    const { database, clock } = installation;
    const setup = new SetupService({ database, clock, passwords: createPasswordHasher() });
    const link = await setup.createOneTimeLink({ email: OWNER.email });
    await setup.completeSetup({ token: link.token, name: 'Owner', ...OWNER });
    await vi.waitFor(async () => expect((await me(token)).status).toBe(401), 2_000);
    expect((await post('/refresh', { refresh_token })).status).toBe(401);
    expect((await here.signIn()).access_token).not.toBe(token);
  });

  test('ID-1 wrong passwords and unknown accounts are one answer after equal work', async () => {
    verified.length = 0;
    const wrong = await post('/sign-in', { email: OWNER.email, password: 'wrong' });
    const unknown = await post('/sign-in', { email: 'nobody@example.com', password: 'wrong' });
    expect(wrong.status).toBe(401);
    expect(unknown.json).toEqual(wrong.json);
    // One argon2 each, with the same parameters.
    expect(verified).toHaveLength(2);
    expect(new Set(verified.map((hash) => hash.split('$').slice(0, 4).join('$'))).size).toBe(1);
    expect(new Set(verified.map((hash) => hash.length)).size).toBe(1);
  });
}

function countingHasher(verified: string[]): PasswordHasher {
  const passwords = createPasswordHasher();
  return {
    hash: (password) => passwords.hash(password),
    verify: (passwordHash, password) => {
      verified.push(passwordHash);
      return passwords.verify(passwordHash, password);
    },
  };
}
