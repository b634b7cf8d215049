import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../adapters/clock/system.ts';
import { createMemoryEphemeralStore } from '../../../adapters/ephemeral-store/memory.ts';
import { withMethods } from '../../../../test/support/store-methods.ts';
import { silentLog } from '../../../lib/log.ts';
import type { Database } from '../../../ports/database.ts';
import type { EphemeralStore, Reservation } from '../../../ports/ephemeral-store.ts';
import type { LimitRow } from './limit.ts';
import { LimitIndex } from './limit-index.ts';
import { StoreLimitEnforcer } from './store-limit-enforcer.ts';

const OPTIONS = { timeoutMs: 1_000 };
const CALL = {
  principal: { organizationId: 'o', projectId: 'p', apiKeyId: 'k', userId: null },
  model: 'm',
  estimatedTokens: 10,
  estimatedCostMicros: 100,
  signal: new AbortController().signal,
};
const opened: StoreLimitEnforcer[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

function limit(fields: Partial<LimitRow>): LimitRow {
  const now = new Date();
  return {
    id: systemClock.newId('lim_'),
    organization_id: 'o',
    scope: 'project',
    scope_id: 'p',
    model: null,
    kind: 'requests',
    amount: 100_000,
    period: 'minute',
    created_at: now,
    updated_at: now,
    ...fields,
  };
}

function stage(
  limits: readonly LimitRow[],
  shared = createMemoryEphemeralStore({ log: silentLog }),
) {
  const state = { index: new LimitIndex(limits), reserves: 0 };
  const counted: EphemeralStore = withMethods(shared, {
    reserve: (...call: Parameters<EphemeralStore['reserve']>) => {
      state.reserves += 1;
      return shared.reserve(...call);
    },
  });
  const execute = async ({ parameters }: { parameters: unknown[][] }) => ({
    rows: (parameters[0] ?? []).map(() => ({ spent_micros: 0 })),
  });
  const enforcer = new StoreLimitEnforcer({
    limits: () => state.index,
    shared: counted,
    local: createMemoryEphemeralStore({ log: silentLog }),
    database: { execute } as unknown as Database,
    clock: systemClock,
    log: silentLog,
  });
  opened.push(enforcer);
  return { enforcer, state, shared };
}

async function remaining(store: EphemeralStore, reservation: Reservation): Promise<number> {
  const request = { id: systemClock.newId('probe_'), leaseMs: 1_000, reservations: [reservation] };
  const answer = await store.reserve(request, OPTIONS);
  return answer.outcome === 'spending_unknown' ? -1 : (answer.counters[0]?.remaining ?? -1);
}

describe('GW-12 large limits are reserved ahead', () => {
  it('so that calls rarely ask the store, and in the end it knows what was used', async () => {
    const requests = limit({ kind: 'requests', amount: 100_000 });
    const tokens = limit({ kind: 'tokens', amount: 1_000_000 });
    const parallel = limit({ kind: 'parallel', amount: 1_000, period: null });
    const { enforcer, state, shared } = stage([requests, tokens, parallel]);
    for (let call = 0; call < 400; call += 1) {
      const admission = await enforcer.admit(CALL);
      if (call % 4 === 0) admission.release();
      else admission.settle({ tokens: 14, costMicros: 0 });
    }
    expect(state.reserves).toBeLessThan(20);
    await enforcer.close();
    const rate = { kind: 'rate' as const, windowMs: 60_000, amount: 0 };
    expect(await remaining(shared, { ...rate, key: requests.id, limit: 100_000 })).toBe(99_600);
    const left = await remaining(shared, { ...rate, key: tokens.id, limit: 1_000_000 });
    expect(left).toBe(1_000_000 - 300 * 14);
    expect(await remaining(shared, { kind: 'slot', key: parallel.id, limit: 1_000 })).toBe(999);
  });

  it('GW-7 and two instances use at least 98 % of a rate and never more than it', async () => {
    const rate = limit({ kind: 'requests', amount: 5_000 });
    const first = stage([rate]);
    const second = stage([rate], first.shared);
    let admitted = 0;
    for (let call = 0; call < 6_000; call += 8) {
      const burst = Array.from({ length: 8 }, (_, at) =>
        (at % 3 === 0 ? first : second).enforcer.admit(CALL).then(
          (admission) => {
            admitted += 1;
            admission.settle({ tokens: 1, costMicros: 0 });
          },
          () => undefined,
        ),
      );
      await Promise.all(burst);
    }
    expect(admitted).toBeLessThanOrEqual(5_000);
    expect(admitted).toBeGreaterThanOrEqual(4_900);
  });

  it('GW-7 and a budget is exceeded by at most one call, though calls cost more than estimated', async () => {
    const amount = 1_000_000;
    const budget = limit({ kind: 'money', amount, period: 'total' });
    const first = stage([budget]);
    const second = stage([budget], first.shared);
    const costMicros = 400;
    let spent = 0;
    let refused = 0;
    for (let call = 0; refused < 50; call += 1) {
      const { enforcer } = call % 2 === 0 ? first : second;
      await enforcer.admit(CALL).then(
        (admission) => {
          spent += costMicros;
          admission.settle({ tokens: 1, costMicros });
        },
        () => {
          refused += 1;
        },
      );
    }
    expect(spent).toBeLessThanOrEqual(amount + costMicros);
    expect(spent).toBeGreaterThanOrEqual(amount * 0.98);
  });

  it('and a lowered limit holds for the next call', async () => {
    const before = limit({ kind: 'requests', amount: 100_000 });
    const { enforcer, state } = stage([before]);
    (await enforcer.admit(CALL)).settle({ tokens: 1, costMicros: 0 });
    state.index = new LimitIndex([{ ...before, amount: 1 }]);
    await expect(enforcer.admit(CALL)).rejects.toMatchObject({ code: 'rate_limit_exceeded' });
  });
});
