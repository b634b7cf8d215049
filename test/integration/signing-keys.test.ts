import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { sweepPeople } from '../../src/domains/identity/index.ts';
import { type FreshDatabase, freshPglite, freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';
import {
  type Installation,
  installPeople,
  OWNER,
  type PeopleInstance,
  startPeopleInstance,
} from '../support/people-instance.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const TOKEN_LIFE_MS = 10 * MINUTE_MS;

describe('signing keys and retention on PGlite', () => keyTests(freshPglite));
describeWithLegs('signing keys and retention on PostgreSQL', ['postgres'], ({ postgres }) =>
  keyTests(() => freshPostgres(postgres)),
);

function keyTests(fresh: () => Promise<FreshDatabase>): void {
  let installation: Installation;
  let here: PeopleInstance;
  let there: PeopleInstance;

  beforeAll(async () => {
    installation = await installPeople(fresh);
    here = await startPeopleInstance(installation);
    there = await startPeopleInstance(installation);
  });
  afterAll(async () => {
    await here?.close();
    await there?.close();
    await installation?.dispose();
  });

  const rotate = async () => {
    const { access_token: token } = await here.signIn();
    const path = '/api/v1/auth/signing-keys/rotate';
    return (await here.call(path, { method: 'POST', token })).json;
  };
  const publishedKeys = async () => {
    const { json } = await here.call('/.well-known/jwks.json');
    expect(JSON.stringify(json)).not.toContain('"d"');
    return (json['keys'] as { kid: string }[]).map(({ kid }) => kid);
  };

  test('ID-1 a rotation under load refuses no token that is in force, on any instance', async () => {
    const { clock } = installation;
    const startMs = clock.offsetMs;
    let { refresh_token: refreshToken } = await here.signIn();
    const issued: { token: string; atMs: number }[] = [];
    const signers = new Set<string>();
    let checks = 0;
    // Forty minutes in steps of half a minute: before, while the next key waits, while it signs, after the old one.
    for (let passedMs = 0; passedMs <= 40 * MINUTE_MS; passedMs += MINUTE_MS / 2) {
      clock.offsetMs = startMs + passedMs;
      if (passedMs === 5 * MINUTE_MS) await rotate();
      const issuer = passedMs % MINUTE_MS === 0 ? here : there;
      const tokens = await issuer.people.signIn.refresh(refreshToken);
      refreshToken = tokens.refreshToken;
      issued.push({ token: tokens.accessToken, atMs: passedMs });
      signers.add(keyIdOf(tokens.accessToken));
      const inForce = issued.filter(({ atMs }) => passedMs - atMs < TOKEN_LIFE_MS);
      for (const { token } of inForce) {
        for (const instance of [here, there])
          expect(instance.people.signIn.authenticate(token)).not.toBeNull();
        checks += 2;
      }
    }
    expect(signers.size).toBe(2);
    expect(checks).toBe(2_860);
    expect(await publishedKeys()).toHaveLength(1);
  });

  test('ID-1 further rotations wait for the one under way', async () => {
    const made = [await rotate(), await rotate(), await rotate()];
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(await publishedKeys()).toHaveLength(2);
    const { rows } = await installation.database.execute<{ resource_id: string }>({
      sql: `select resource_id from audit_events where action = 'signing_keys.rotate'
        and resource_id = $1`,
      parameters: [made[0]?.['id']],
    });
    expect(rows).toHaveLength(1);
    await vi.waitFor(() => expect(there.people.signIn.jwks().keys).toHaveLength(2), 2_000);
  });

  test('ID-1 what is over is swept, what is in force stays', async () => {
    const { clock, database, organizationId } = installation;
    const count = async (table: string) => {
      const { rows } = await database.execute<{ count: number }>({
        sql: `select count(*)::int4 as count from ${table}`,
        parameters: [],
      });
      return rows[0]?.count;
    };
    const { people } = here;
    await people.users.createPasswordReset({ organizationId }, OWNER.email);
    const input = { email: `${randomUUID()}@example.com`, role: 'admin' as const };
    await people.invitations.create({ organizationId }, input);
    await here.call('/api/v1/auth/sign-in', {
      body: { email: 'nobody@example.com', password: 'x' },
    });
    const sweep = () => sweepPeople({ database, clock }, AbortSignal.timeout(30_000));
    const before = await count('sessions');
    expect(await sweep()).toMatchObject({ sessions: 0, links: 0, invitations: 0 });
    expect(await count('sessions')).toBe(before);
    clock.offsetMs += 45 * DAY_MS;
    const swept = await sweep();
    expect(swept).toMatchObject({ sessions: before, links: 1, invitations: 0, signingKeys: 2 });
    expect(swept['attempts']).toBeGreaterThan(0);
    expect(await count('refresh_tokens')).toBe(0);
    const { access_token: token } = await here.signIn();
    expect(await sweep()).toMatchObject({ sessions: 0, signingKeys: 0 });
    expect((await here.call('/api/v1/me', { token })).status).toBe(200);
    clock.offsetMs += 60 * DAY_MS;
    expect(await sweep()).toMatchObject({ invitations: 1 });
  });
}

function keyIdOf(token: string): string {
  const header = Buffer.from(token.split('.')[0] ?? '', 'base64url').toString('utf8');
  return (JSON.parse(header) as { kid: string }).kid;
}
