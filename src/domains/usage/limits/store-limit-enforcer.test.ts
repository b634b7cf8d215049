import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../adapters/clock/system.ts';
import { createMemoryEphemeralStore } from '../../../adapters/ephemeral-store/memory.ts';
import { recordingLog } from '../../../../test/support/recording-log.ts';
import { withMethods } from '../../../../test/support/store-methods.ts';
import type { AppError } from '../../../lib/app-error.ts';
import { silentLog } from '../../../lib/log.ts';
import type { Database } from '../../../ports/database.ts';
import {
  type EphemeralStore,
  EphemeralStoreUnavailableError,
} from '../../../ports/ephemeral-store.ts';
import type { LimitRow } from './limit.ts';
import { durationText } from './limit-headers.ts';
import { LimitIndex } from './limit-index.ts';
import { StoreLimitEnforcer } from './store-limit-enforcer.ts';

const PRINCIPAL = { organizationId: 'o', projectId: 'p', apiKeyId: 'k', userId: 'u' };
const CALL = {
  principal: PRINCIPAL,
  model: 'm',
  estimatedTokens: 10,
  estimatedCostMicros: 100,
  signal: new AbortController().signal,
};

let nowMs = Date.UTC(2026, 10, 25, 12);
const nowOf = () => nowMs;
const opened: StoreLimitEnforcer[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

function limit(fields: Partial<LimitRow>): LimitRow {
  return {
    id: systemClock.newId('lim_'),
    organization_id: 'o',
    scope: 'project',
    scope_id: 'p',
    model: null,
    kind: 'requests',
    amount: 60,
    period: 'minute',
    created_at: new Date(nowMs),
    updated_at: new Date(nowMs),
    ...fields,
  };
}

const memory = () => createMemoryEphemeralStore({ log: silentLog, nowMs: nowOf });

/** Rounds of upkeep happen when the test says so. */
function createEnforcer(limits: readonly LimitRow[], options: Partial<StageOptions> = {}) {
  const { shared = memory(), spent = () => 0 } = options;
  const index = new LimitIndex(limits);
  const { log, lines } = recordingLog();
  const database = {
    execute: async ({ parameters }: { parameters: unknown[][] }) => {
      return { rows: (parameters[0] ?? []).map(() => ({ spent_micros: spent() })) };
    },
  } as unknown as Database;
  const wakes: (() => void)[] = [];
  const sleep = (_delayMs: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      wakes.push(resolve);
      signal?.addEventListener('abort', () => reject(signal.reason));
    });
  const clock = { ...systemClock, now: () => new Date(nowMs), sleep };
  const local = memory();
  const enforcer = new StoreLimitEnforcer({
    limits: () => index,
    shared,
    local,
    database,
    clock,
    log,
  });
  opened.push(enforcer);
  const upkeep = () => wakes.splice(0).map((wake) => wake());
  return { enforcer, lines, upkeep, shared };
}

interface StageOptions {
  readonly shared: EphemeralStore;
  readonly spent: () => number;
}

const admitted = (enforcer: StoreLimitEnforcer, call: Partial<typeof CALL> = {}) =>
  enforcer.admit({ ...CALL, ...call }).then(
    () => true,
    () => false,
  );

describe('limits over five windows', () => {
  it('GW-7 two instances together stay within 2 % of a rate, and never above it', async () => {
    const shared = memory();
    const limits = [limit({ amount: 60 }), limit({ kind: 'tokens', amount: 6_000 })];
    const pair = [createEnforcer(limits, { shared }), createEnforcer(limits, { shared })];
    const startMs = nowMs;
    const times: number[] = [];
    for (; nowMs < startMs + 5 * 60_000; nowMs += 130) {
      for (const { enforcer } of pair) {
        if (await admitted(enforcer, { estimatedTokens: 100 })) times.push(nowMs);
      }
    }
    expect(times.length).toBeGreaterThanOrEqual(294);
    expect(times.length).toBeLessThanOrEqual(306);
    for (const first of times) {
      expect(
        times.filter((time) => time >= first && time < first + 60_000).length,
      ).toBeLessThanOrEqual(60);
    }
  });
});

describe('the limits of a call', () => {
  it('are those of its organization, project, key, user and model', () => {
    const index = new LimitIndex([
      limit({ id: 'organization', scope: 'organization', scope_id: 'o' }),
      limit({ id: 'project' }),
      limit({ id: 'key', scope: 'api_key', scope_id: 'k' }),
      limit({ id: 'key-model', scope: 'api_key', scope_id: 'k', model: 'm' }),
      limit({ id: 'key-other', scope: 'api_key', scope_id: 'k', model: 'x' }),
      limit({ id: 'user', scope: 'user', scope_id: 'u' }),
      limit({ id: 'model', scope: 'model', scope_id: 'm' }),
      limit({ id: 'foreign', organization_id: 'other', scope: 'model', scope_id: 'm' }),
    ]);
    const ids = (principal: typeof PRINCIPAL, model: string) =>
      index.find(principal, model).map(({ id }) => id);
    const all = ['organization', 'project', 'key', 'key-model', 'user', 'model'];
    expect(ids(PRINCIPAL, 'm')).toEqual(all);
    expect(ids({ ...PRINCIPAL, apiKeyId: 'k2', userId: 'u2' }, 'y')).toEqual([
      'organization',
      'project',
    ]);
  });

  it('GW-12 cost no round trip when there are none, one to reserve and one to settle', async () => {
    const shared = memory();
    const reserve = vi.spyOn(shared, 'reserve');
    const settle = vi.spyOn(shared, 'settle');
    const { enforcer } = createEnforcer(
      [limit({}), limit({ kind: 'tokens' }), limit({ kind: 'parallel', period: null })],
      { shared },
    );
    const foreign = { ...PRINCIPAL, organizationId: 'other' };
    const free = await enforcer.admit({ ...CALL, principal: foreign });
    free.settle({ tokens: 1, costMicros: 1 });
    expect(enforcer.applies(foreign, 'm')).toBe(false);
    expect(reserve).not.toHaveBeenCalled();
    const admissions = [await enforcer.admit(CALL), await enforcer.admit(CALL)];
    for (const admission of admissions) admission.settle({ tokens: 12, costMicros: 1 });
    await enforcer.close();
    expect(reserve).toHaveBeenCalledTimes(2);
    expect(settle).toHaveBeenCalledTimes(1);
  });

  it('do not hold back a call that costs nothing', async () => {
    const { enforcer } = createEnforcer([limit({ kind: 'money', amount: 0, period: 'day' })]);
    expect(await admitted(enforcer, { estimatedCostMicros: 0 })).toBe(true);
    expect(await admitted(enforcer)).toBe(false);
  });
});

describe('budgets', () => {
  it('begin anew with their period', async () => {
    nowMs = Date.UTC(2026, 10, 25, 23, 59, 59);
    const { enforcer } = createEnforcer([limit({ kind: 'money', amount: 100, period: 'day' })]);
    (await enforcer.admit(CALL)).settle({ tokens: 1, costMicros: 100 });
    await vi.waitFor(async () => expect(await admitted(enforcer)).toBe(false));
    nowMs = Date.UTC(2026, 10, 26);
    expect(await admitted(enforcer)).toBe(true);
  });

  it('learn what was spent elsewhere', async () => {
    let spent = 0;
    const limits = [limit({ kind: 'money', amount: 1_000, period: 'month' })];
    const { enforcer, upkeep } = createEnforcer(limits, { spent: () => spent });
    (await enforcer.admit(CALL)).release();
    spent = 1_000;
    await vi.waitFor(async () => {
      upkeep();
      expect(await admitted(enforcer)).toBe(false);
    });
  });
});

describe('leases', () => {
  it('GW-7 of running calls are renewed; those of a dead instance end within 30 seconds', async () => {
    const shared = memory();
    const limits = [limit({ kind: 'parallel', period: null, amount: 2 })];
    const dead = createEnforcer(limits, { shared });
    const alive = createEnforcer(limits, { shared });
    await dead.enforcer.admit(CALL);
    await alive.enforcer.admit(CALL);
    const renew = vi.spyOn(shared, 'renew');
    for (let step = 0; step < 3; step += 1) {
      nowMs += 9_900;
      renew.mockClear();
      alive.upkeep();
      await vi.waitFor(() => expect(renew).toHaveBeenCalled());
    }
    expect(await admitted(alive.enforcer)).toBe(true);
    expect(await admitted(alive.enforcer)).toBe(false);
  });
});

describe('while the shared store is away', () => {
  it('GW-14 this instance holds the limits alone, and nothing fails', async () => {
    const state = { away: true };
    const real = memory();
    const guard = <T>(call: () => T): T => {
      if (state.away) throw new EphemeralStoreUnavailableError('away');
      return call();
    };
    const shared = withMethods(real, {
      reserve: async (...args: Parameters<EphemeralStore['reserve']>) =>
        guard(() => real.reserve(...args)),
      settle: async (...args: Parameters<EphemeralStore['settle']>) =>
        guard(() => real.settle(...args)),
    });
    const limits = [limit({ amount: 3 }), limit({ kind: 'money', amount: 10_000, period: 'day' })];
    const { enforcer, lines } = createEnforcer(limits, { shared });
    const outcomes: (string | undefined)[] = [];
    for (let call = 0; call < 5; call += 1) {
      outcomes.push(
        await enforcer.admit(CALL).then(
          (admission) => {
            admission.settle({ tokens: 1, costMicros: 10 });
            return 'admitted';
          },
          (error: AppError) => error.code,
        ),
      );
    }
    const refused = 'rate_limit_exceeded';
    expect(outcomes).toEqual(['admitted', 'admitted', 'admitted', refused, refused]);
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    state.away = false;
    expect(await admitted(enforcer)).toBe(true);
    expect(lines.at(-1)).toMatchObject({ level: 'info' });
  });
});

describe('durationText', () => {
  it.each([
    [0, '0ms'],
    [119.2, '120ms'],
    [1_000, '1s'],
    [1_500, '1.5s'],
    [360_000, '6m0s'],
    [59_999, '59.999s'],
    [3_605_000, '1h0m5s'],
  ])('writes %d ms as OpenAI does', (durationMs, text) => {
    expect(durationText(durationMs)).toBe(text);
  });
});
