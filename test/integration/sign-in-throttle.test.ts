import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshPglite, freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';
import {
  type Installation,
  installPeople,
  OWNER,
  type PeopleInstance,
  startPeopleInstance,
} from '../support/people-instance.ts';

const WINDOW_MS = 15 * 60_000;
const STRANGER = '198.51.100.7';
const HOME = '203.0.113.9';
const ELSEWHERE = '203.0.113.200';

describe('throttled sign-ins on PGlite', () => throttleTests(freshPglite));
describeWithLegs('throttled sign-ins on PostgreSQL', ['postgres'], ({ postgres }) =>
  throttleTests(() => freshPostgres(postgres)),
);

function throttleTests(fresh: () => Promise<FreshDatabase>): void {
  let installation: Installation;
  let instance: PeopleInstance;
  const verified: string[] = [];

  beforeAll(async () => {
    installation = await installPeople(fresh);
    // The cost of hashing is no part of what is counted here.
    const passwords = {
      hash: async (password: string) => password,
      verify: async (passwordHash: string, password: string) => {
        verified.push(passwordHash);
        return password === OWNER.password && !passwordHash.includes('nobody');
      },
    };
    instance = await startPeopleInstance(installation, { passwords });
  });
  beforeEach(() => {
    installation.clock.offsetMs += 2 * WINDOW_MS;
    installation.clock.delaysMs.length = 0;
    verified.length = 0;
  });
  afterAll(async () => {
    await instance?.close();
    await installation?.dispose();
  });

  const attempt = (address: string, password = 'wrong', email = OWNER.email) =>
    instance.call('/api/v1/auth/sign-in', { body: { email, password }, address });
  const flood = async (from: (index: number) => string, count: number) => {
    for (let index = 0; index < count; index += 1) await attempt(from(index));
  };

  test('ID-1 a stranger who guesses is refused, and nobody else is', async () => {
    const signedIn = (await attempt(HOME, OWNER.password)).json;
    const token = String(signedIn['access_token']);
    await flood(() => STRANGER, 10);
    const refused = await attempt(STRANGER, OWNER.password);
    expect([refused.status, refused.code]).toEqual([429, 'too_many_sign_ins']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(800);
    // No argon2 for what is refused.
    expect(verified).toHaveLength(11);
    for (let count = 0; count < 200; count += 1) await attempt(STRANGER);
    expect(verified).toHaveLength(11);
    expect((await instance.call('/api/v1/me', { token })).status).toBe(200);
    const body = { refresh_token: signedIn['refresh_token'] };
    expect((await instance.call('/api/v1/auth/refresh', { body })).status).toBe(200);
    expect((await attempt(HOME, OWNER.password)).status).toBe(200);
    expect((await attempt(ELSEWHERE, OWNER.password)).status).toBe(200);
    installation.clock.offsetMs += WINDOW_MS;
    expect((await attempt(STRANGER, OWNER.password)).status).toBe(200);
  });

  test('ID-1 guesses from many addresses slow an account down and never lock it', async () => {
    const { delaysMs } = installation.clock;
    await flood((index) => `192.0.2.${index}`, 20);
    expect(delaysMs).toEqual([]);
    await flood((index) => `192.0.2.${100 + index}`, 60);
    expect(delaysMs).toHaveLength(60);
    expect([delaysMs[0], delaysMs[10], delaysMs.at(-1)]).toEqual([250, 500, 4_000]);
    expect(Math.max(...delaysMs)).toBe(4_000);
    delaysMs.length = 0;
    // From a new address it takes seconds, from a known one nothing.
    expect((await attempt('203.0.113.77', OWNER.password)).status).toBe(200);
    expect(delaysMs).toEqual([4_000]);
    expect((await attempt(HOME, OWNER.password)).status).toBe(200);
    expect(delaysMs).toEqual([4_000]);
  });

  test('ID-1 an unknown account is throttled and slowed as a known one', async () => {
    const unknown = (address: string) => attempt(address, 'wrong', 'nobody@example.com');
    for (let count = 0; count < 10; count += 1)
      expect((await unknown('198.51.100.50')).code).toBe('invalid_credentials');
    expect((await unknown('198.51.100.50')).code).toBe('too_many_sign_ins');
    for (let index = 0; index < 12; index += 1) await unknown(`198.51.100.${100 + index}`);
    expect(installation.clock.delaysMs.length).toBeGreaterThan(0);
  });

  test('ID-1 one address is refused after a hundred attempts, whatever the accounts', async () => {
    for (let count = 0; count < 100; count += 1)
      await attempt('198.51.100.90', 'wrong', `person${count}@example.com`);
    const refused = await attempt('198.51.100.90', 'wrong', 'one-more@example.com');
    expect([refused.status, refused.code]).toEqual([429, 'too_many_sign_ins']);
  });

  test('ID-1 a whole /64 counts as one address', async () => {
    await flood((index) => `2001:db8::${(index + 1).toString(16)}`, 10);
    expect((await attempt('2001:db8::ffff', OWNER.password)).status).toBe(429);
    expect((await attempt('2001:db8:0:1::1', OWNER.password)).status).toBe(200);
  });
}
