import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import {
  bootstrap,
  createPasswordHasher,
  IdentityService,
  openKeyDirectory,
  MemberService,
  SetupService,
} from '../../src/domains/identity/index.ts';
import { migrate } from '../../src/domains/ops/migration/index.ts';
import { silentLog } from '../../src/lib/log.ts';
import { type FreshDatabase, freshPostgres } from '../support/fresh-databases.ts';
import { identityServer } from '../support/identity-server.ts';
import { describeWithLegs } from '../support/legs.ts';

const EFFECT_MAX_MS = 2_000;
const TRIALS = 100;
const passwords = createPasswordHasher();

interface Instance {
  readonly app: FastifyInstance;
  close(): Promise<void>;
}

describeWithLegs('two instances on one PostgreSQL', ['postgres'], (addresses) => {
  let fixture: FreshDatabase;
  let here: Instance;
  let there: Instance;
  let adminKey: string;

  beforeAll(async () => {
    fixture = await freshPostgres(addresses.postgres);
    const database = await fixture.open();
    await migrate(database, { directory: 'migrations', clock: systemClock, log: silentLog });
    const nothing = { adminEmail: undefined, adminPassword: undefined, apiKey: undefined };
    const first = await bootstrap({ database, clock: systemClock, passwords }, nothing);
    adminKey = first.created ? (first.apiKey ?? '') : '';
    await database.close();
    [here, there] = [await startInstance(fixture), await startInstance(fixture)];
  });

  afterAll(async () => {
    await here?.close();
    await there?.close();
    await fixture?.dispose();
  });

  const manage = async (method: 'POST' | 'PATCH' | 'DELETE', path: string, payload?: object) => {
    const headers = { authorization: `Bearer ${adminKey}` };
    const answer = await here.app.inject({
      ...{ method, url: `/api/v1/keys${path}`, headers },
      ...(payload === undefined ? {} : { payload }),
    });
    expect(answer.statusCode, answer.payload).toBeLessThan(300);
    return answer.json();
  };

  /** Milliseconds until the other instance answers the key so; fails after the longest time allowed. */
  async function untilThere(key: string, status: number): Promise<number> {
    const startedMs = performance.now();
    const headers = { authorization: `Bearer ${key}` };
    await vi.waitFor(
      async () => {
        const answer = await there.app.inject({ url: '/api/v1/me', headers });
        expect(answer.statusCode).toBe(status);
      },
      { timeout: EFFECT_MAX_MS, interval: 5 },
    );
    return performance.now() - startedMs;
  }

  test(`ID-3 ${TRIALS} of ${TRIALS} new, changed and revoked keys are so on the other one within 2 s`, async () => {
    const slowestMs = { made: 0, closed: 0, opened: 0, revoked: 0 };
    const note = (what: keyof typeof slowestMs, tookMs: number) => {
      slowestMs[what] = Math.max(slowestMs[what], Math.round(tookMs));
    };
    for (let trial = 0; trial < TRIALS; trial += 1) {
      const made = await manage('POST', '', { name: `trial ${trial}`, scopes: ['inference'] });
      note('made', await untilThere(made.key, 200));
      await manage('PATCH', `/${made.id}`, { allowed_addresses: ['192.0.2.1'] });
      note('closed', await untilThere(made.key, 403));
      await manage('PATCH', `/${made.id}`, { allowed_addresses: null, name: 'open again' });
      note('opened', await untilThere(made.key, 200));
      await manage('DELETE', `/${made.id}`);
      note('revoked', await untilThere(made.key, 401));
    }
    process.stdout.write(`slowest effect on the other instance: ${JSON.stringify(slowestMs)}\n`);
  }, 300_000);
});

/** What an instance has of identity, with connections of its own. */
async function startInstance(fixture: FreshDatabase): Promise<Instance> {
  const database = await fixture.open();
  const directory = await openKeyDirectory({ database, clock: systemClock, log: silentLog });
  const onChange = () => directory.refresh();
  const identity = new IdentityService({ database, clock: systemClock, onChange });
  const setup = new SetupService({ database, clock: systemClock, passwords, onChange });
  const members = new MemberService({ database, clock: systemClock });
  const { app } = await identityServer({ directory, identity, setup, members });
  return {
    app,
    close: async () => {
      await app.close();
      await directory.close();
      await database.close();
    },
  };
}
