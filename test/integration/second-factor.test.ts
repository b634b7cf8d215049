import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { totpCode, totpStep } from '../../src/domains/identity/sign-in/totp.ts';
import { type FreshDatabase, freshPglite, freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';
import {
  type Installation,
  installPeople,
  OWNER,
  type PeopleInstance,
  startPeopleInstance,
  type Tokens,
} from '../support/people-instance.ts';

const STEP_MS = 30_000;
const WINDOW_MS = 15 * 60_000;

describe('a second factor on PGlite', () => secondFactorTests(freshPglite));
describeWithLegs('a second factor on PostgreSQL', ['postgres'], ({ postgres }) =>
  secondFactorTests(() => freshPostgres(postgres)),
);

function secondFactorTests(fresh: () => Promise<FreshDatabase>): void {
  let installation: Installation;
  let here: PeopleInstance;
  let there: PeopleInstance;
  let strict: PeopleInstance;

  beforeAll(async () => {
    installation = await installPeople(fresh);
    here = await startPeopleInstance(installation);
    there = await startPeopleInstance(installation);
    strict = await startPeopleInstance(installation, { requireTotp: true });
  });
  beforeEach(async () => {
    // Each test begins without a factor, and in a window of its own.
    installation.clock.offsetMs += 2 * WINDOW_MS;
    const { rows } = await installation.database.execute<{ user_id: string }>({
      sql: 'select user_id from second_factors where confirmed_at is not null',
      parameters: [],
    });
    for (const { user_id: userId } of rows) {
      const { organizationId } = installation;
      await here.people.users.resetSecondFactor({ organizationId }, userId);
    }
  });
  afterAll(async () => {
    await here?.close();
    await there?.close();
    await strict?.close();
    await installation?.dispose();
  });

  const code = (secret: string, drift = 0) =>
    totpCode(decoded(secret), totpStep(installation.clock.now().getTime()) + drift);
  const nextStep = () => {
    installation.clock.offsetMs += STEP_MS;
  };
  const auth = (path: string, body: object, token?: string) =>
    here.call(`/api/v1/auth${path}`, { body, token });
  const ticket = async () => String((await auth('/sign-in', OWNER)).json['ticket']);
  const complete = (given: string, shown: string) =>
    auth('/sign-in/code', { ticket: given, code: shown });

  async function enrolled(): Promise<{ tokens: Tokens; secret: string; recovery: string[] }> {
    const tokens = await here.signIn();
    const { access_token: token } = tokens;
    const seed = await auth('/totp', { password: OWNER.password }, token);
    expect(seed.status).toBe(200);
    const secret = String(seed.json['secret']);
    const confirmed = await auth('/totp/confirm', { code: code(secret) }, token);
    expect(confirmed.status).toBe(200);
    nextStep();
    return { tokens, secret, recovery: confirmed.json['recovery_codes'] as string[] };
  }

  test('ID-1 signing in takes a ticket and a code, and no code works twice', async () => {
    const { secret } = await enrolled();
    const first = await auth('/sign-in', OWNER);
    expect(first.json).toMatchObject({ object: 'mfa_required', mfa_required: true });
    expect(first.text).not.toContain('access_token');
    const shown = code(secret);
    const done = await complete(String(first.json['ticket']), shown);
    expect(done.json).toMatchObject({ object: 'session_tokens', token_type: 'Bearer' });
    const again = await complete(await ticket(), shown);
    expect([again.status, again.code]).toEqual([400, 'invalid_code']);
    const old = await complete(await ticket(), code(secret, -1));
    expect([old.status, old.code]).toEqual([400, 'invalid_code']);
    const used = await complete(String(first.json['ticket']), code(secret, 1));
    expect([used.status, used.code]).toEqual([401, 'invalid_sign_in_ticket']);
    nextStep();
    expect((await complete(await ticket(), code(secret))).status).toBe(200);
  });

  test('ID-1 of 10 parallel uses of one code one begins a session', async () => {
    const { secret } = await enrolled();
    const tickets: string[] = [];
    for (let count = 0; count < 10; count += 1) tickets.push(await ticket());
    const shown = code(secret);
    const answers = await Promise.all(tickets.map((each) => complete(each, shown)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test('ID-1 ten recovery codes work once each, and lie in the database as hashes', async () => {
    const { recovery } = await enrolled();
    expect(new Set(recovery).size).toBe(10);
    const [first = '', second = ''] = recovery;
    expect((await complete(await ticket(), first.toUpperCase())).status).toBe(200);
    const again = await complete(await ticket(), first);
    expect([again.status, again.code]).toEqual([400, 'invalid_code']);
    expect((await complete(await ticket(), second.replaceAll('-', ' '))).status).toBe(200);
    const { rows } = await installation.database.execute({
      sql: `select encode(code_hash, 'escape') as hash, sealed_seed from recovery_codes
        join second_factors using (user_id)`,
      parameters: [],
    });
    const stored = JSON.stringify(rows);
    for (const each of recovery) expect(stored).not.toContain(each.replaceAll('-', ''));
  });

  test('ID-1 codes are throttled as passwords are', async () => {
    const { secret } = await enrolled();
    const given = await ticket();
    for (let attempt = 0; attempt < 10; attempt += 1)
      expect((await complete(given, '000000')).code).toBe('invalid_code');
    const refused = await complete(given, code(secret));
    expect([refused.status, refused.code]).toEqual([429, 'too_many_sign_ins']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    installation.clock.offsetMs += WINDOW_MS;
    const late = await complete(given, code(secret));
    expect([late.status, late.code]).toEqual([401, 'invalid_sign_in_ticket']);
    expect((await complete(await ticket(), code(secret))).status).toBe(200);
  });

  test('ID-1 enrolling asks for the password and ends the other sessions', async () => {
    const before = await here.signIn();
    const { tokens } = await enrolled();
    const status = async (token: string) => (await here.call('/api/v1/me', { token })).status;
    expect(await status(tokens.access_token)).toBe(200);
    expect(await status(before.access_token)).toBe(401);
    await vi.waitFor(
      () => expect(there.people.signIn.authenticate(before.access_token)).toBeNull(),
      2_000,
    );
    const wrong = await auth('/totp', { password: 'wrong' }, tokens.access_token);
    expect([wrong.status, wrong.code]).toEqual([400, 'wrong_password']);
    const twice = await auth('/totp', { password: OWNER.password }, tokens.access_token);
    expect([twice.status, twice.code]).toEqual([400, 'second_factor_in_force']);
    const key = await auth('/totp', { password: OWNER.password }, installation.apiKey);
    expect([key.status, key.code]).toEqual([403, 'not_signed_in']);
  });

  test('ID-1 disabling takes password and code; afterwards a password is enough', async () => {
    const { tokens, secret } = await enrolled();
    const disable = (password: string, shown: string) =>
      auth('/totp/disable', { password, code: shown }, tokens.access_token);
    expect((await disable('wrong', code(secret))).code).toBe('wrong_password');
    expect((await disable(OWNER.password, '000000')).code).toBe('invalid_code');
    expect((await disable(OWNER.password, code(secret))).status).toBe(204);
    expect((await auth('/sign-in', OWNER)).json).toHaveProperty('access_token');
    const none = await auth('/totp/confirm', { code: code(secret) }, tokens.access_token);
    expect([none.status, none.code]).toEqual([400, 'second_factor_missing']);
  });

  test('ID-1 where it is required, an owner without it may only enrol', async () => {
    const { access_token: token } = await strict.signIn();
    const call = (path: string, body?: object) => strict.call(`/api/v1${path}`, { token, body });
    for (const path of ['/me', '/projects', '/auth/sessions', '/users']) {
      const refused = await call(path);
      expect([path, refused.status, refused.code]).toEqual([path, 403, 'second_factor_required']);
    }
    // The key of the installation is no person.
    const key = installation.apiKey;
    expect((await strict.call('/api/v1/projects', { token: key })).status).toBe(200);
    const seed = await call('/auth/totp', { password: OWNER.password });
    const confirmed = await call('/auth/totp/confirm', { code: code(String(seed.json['secret'])) });
    expect(confirmed.status).toBe(200);
    expect((await call('/projects')).status).toBe(200);
  });

  test('ID-4 what changed is written down without a secret', async () => {
    const { secret, recovery } = await enrolled();
    const { rows } = await installation.database.execute<{ action: string }>({
      sql: `select * from audit_events where action like 'users.%_totp'`,
      parameters: [],
    });
    expect(new Set(rows.map((row) => row.action))).toContain('users.enable_totp');
    const written = JSON.stringify(rows);
    for (const hidden of [secret, ...recovery]) expect(written).not.toContain(hidden);
  });
}

function decoded(text: string): Uint8Array {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...text]
    .map((each) => alphabet.indexOf(each).toString(2).padStart(5, '0'))
    .join('');
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
}
