import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import type { Limits } from '../../src/domains/usage/index.ts';
import { insertUsageLines } from '../../src/domains/usage/repository.ts';
import { lineOfRecord } from '../../src/domains/usage/usage-row.ts';
import type { AppError } from '../../src/lib/app-error.ts';
import type { Database } from '../../src/ports/database.ts';
import type { EphemeralStore } from '../../src/ports/ephemeral-store.ts';
import { limitMaker, openLimitsInstance, PRINCIPAL } from '../support/limits-instance.ts';

export interface LimitEnforcerSubject {
  readonly database: Database;
  /** Two connections to the same counters. */
  readonly stores: readonly [EphemeralStore, EphemeralStore];
  /** Makes the counters forget everything. */
  forget(): Promise<void>;
  close(): Promise<void>;
}

const { signal } = new AbortController();
const CALL = {
  principal: PRINCIPAL,
  model: 'm',
  estimatedTokens: 100,
  estimatedCostMicros: 1_000,
  signal,
};

/** Limits of two instances over the same counters. */
export function describeLimitEnforcers(open: () => Promise<LimitEnforcerSubject>): void {
  let subject: LimitEnforcerSubject;
  let instances: readonly [Limits, Limits];
  let createLimit: ReturnType<typeof limitMaker>;
  beforeAll(async () => {
    subject = await open();
    createLimit = limitMaker(subject.database);
    const { database, stores } = subject;
    instances = [
      await openLimitsInstance({ database, shared: stores[0] }),
      await openLimitsInstance({ database, shared: stores[1] }),
    ];
  });
  afterAll(async () => {
    await Promise.all(instances?.map((one) => one.close()) ?? []);
    await subject?.close();
  });
  beforeEach(async () => {
    await subject.database.executeScript('delete from limits; delete from budget_spend');
    await subject.database.executeScript('delete from usage_records');
    await subject.forget();
    await inForce();
  });

  const inForce = () => Promise.all(instances.map((one) => one.refresh()));
  const admit = (index: number, call: Partial<typeof CALL> = {}) =>
    (index % 2 === 0 ? instances[0] : instances[1]).enforcer.admit({ ...CALL, ...call });
  const tryAdmit = (index: number, call: Partial<typeof CALL> = {}) =>
    admit(index, call).then(
      (admission) => ({ admission, error: undefined }),
      (error: AppError) => ({ admission: undefined, error }),
    );
  const spend = (costMicros: number, createdAt = systemClock.now()) =>
    insertUsageLines(subject.database, [lineOfRecord(record(costMicros, createdAt))], {
      timeoutMs: 5_000,
    });

  it('GW-7 let ten of 200 calls at once spend a budget for ten', async () => {
    await createLimit({ kind: 'money', amount: 10_000, period: 'day' });
    await inForce();
    const tries = await Promise.all(Array.from({ length: 200 }, (_, n) => tryAdmit(n)));
    const admitted = tries.flatMap(({ admission }) => admission ?? []);
    expect(admitted).toHaveLength(10);
    for (const { error } of tries) {
      if (error === undefined) continue;
      expect(error).toMatchObject({ code: 'insufficient_quota', status: 429, retryAfterMs: 1_000 });
    }
    for (const admission of admitted) admission.settle({ tokens: 100, costMicros: 1_000 });
    await vi.waitFor(async () => {
      const { error } = await tryAdmit(0);
      expect(error).toMatchObject({ code: 'insufficient_quota', retryable: false });
    });
  });

  it('GW-7 overshoot a budget by at most one settlement when calls cost more than estimated', async () => {
    await createLimit({ kind: 'money', amount: 10_000, period: 'total' });
    await inForce();
    // What calls cost is learned from the first of them.
    (await admit(0, { estimatedCostMicros: 1 })).settle({ tokens: 1, costMicros: 900 });
    let spent = 900;
    const worker = async (index: number) => {
      for (let call = 0; call < 30; call += 1) {
        const { admission } = await tryAdmit(index, { estimatedCostMicros: 1 });
        if (admission === undefined) continue;
        await new Promise((resolve) => setImmediate(resolve));
        spent += 900;
        admission.settle({ tokens: 1, costMicros: 900 });
      }
    };
    await vi.waitFor(async () => {
      const probe = await admit(1, { estimatedCostMicros: 1 });
      probe.release();
    });
    await Promise.all(Array.from({ length: 20 }, (_, index) => worker(index)));
    expect(spent).toBeGreaterThan(9_000);
    expect(spent).toBeLessThanOrEqual(10_000 + 900);
  });

  it('GW-7 reject without consuming anything of any limit', async () => {
    await createLimit({ kind: 'requests', amount: 5 });
    await createLimit({ kind: 'tokens', amount: 1_000, scope: 'api_key', scope_id: 'key_1' });
    await inForce();
    expect((await admit(0)).headers).toMatchObject({
      'x-ratelimit-limit-requests': '5',
      'x-ratelimit-remaining-requests': '4',
      'x-ratelimit-reset-requests': expect.stringMatching(/^(1m0(\.\d+)?|59\.\d+)s$/),
      'x-ratelimit-limit-tokens': '1000',
      'x-ratelimit-remaining-tokens': '900',
    });
    const { error } = await tryAdmit(1, { estimatedTokens: 950 });
    expect(error).toMatchObject({ code: 'rate_limit_exceeded', status: 429, retryable: true });
    expect(error?.headers['x-ratelimit-remaining-requests']).toBe('4');
    const tooLarge = await tryAdmit(1, { estimatedTokens: 1_001 });
    expect(tooLarge.error).toMatchObject({ code: 'rate_limit_exceeded', retryable: false });
    expect((await admit(1)).headers['x-ratelimit-remaining-requests']).toBe('3');
  });

  it('GW-7 settle tokens with what was used, and count none for a failed call', async () => {
    await createLimit({ kind: 'tokens', amount: 1_000 });
    await inForce();
    (await admit(0, { estimatedTokens: 600 })).settle({ tokens: 250, costMicros: 0 });
    (await admit(1, { estimatedTokens: 300 })).release();
    await vi.waitFor(async () => {
      const { headers } = await admit(0, { estimatedTokens: 0 });
      expect(headers['x-ratelimit-remaining-tokens']).toBe('750');
    });
  });

  it('GW-7 hold parallel calls of a key for one model, each once', async () => {
    const limit = { scope: 'api_key' as const, scope_id: 'key_1', model: 'm' };
    await createLimit({ kind: 'parallel', amount: 2, ...limit });
    await inForce();
    const running = [await admit(0), await admit(1)];
    expect((await tryAdmit(0)).error).toMatchObject({ code: 'rate_limit_exceeded' });
    expect((await tryAdmit(0, { model: 'other' })).error).toBeUndefined();
    running[0]?.release();
    running[0]?.settle({ tokens: 1, costMicros: 1 });
    await vi.waitFor(async () => expect((await tryAdmit(1)).error).toBeUndefined());
    expect((await tryAdmit(1)).error).toBeDefined();
  });

  it('GW-7 know what was spent after the counters were forgotten', async () => {
    await createLimit({ kind: 'money', amount: 10_000, period: 'month' });
    await inForce();
    await spend(8_500);
    await subject.forget();
    (await admit(0, { estimatedCostMicros: 1_500 })).settle({ tokens: 1, costMicros: 1_500 });
    await spend(1_500);
    await vi.waitFor(async () => {
      expect((await tryAdmit(1)).error).toMatchObject({ code: 'insufficient_quota' });
    });
    await subject.forget();
    expect((await tryAdmit(0)).error).toMatchObject({ code: 'insufficient_quota' });
  });

  it('counts what was spent in the window before the budget was made', async () => {
    await spend(4_000);
    await spend(9_000, new Date('2020-01-01T00:00:00Z'));
    await createLimit({ kind: 'money', amount: 5_000, period: 'day' });
    await inForce();
    expect((await tryAdmit(0, { estimatedCostMicros: 1_000 })).error).toBeUndefined();
    expect((await tryAdmit(1, { estimatedCostMicros: 1_000 })).error).toBeDefined();
  });

  it('GW-12 take a new limit into force on every instance within two seconds', async () => {
    await createLimit({ kind: 'requests', amount: 0, scope: 'model', scope_id: 'm' });
    const applies = () => instances.map((one) => one.enforcer.applies(PRINCIPAL, 'm'));
    await vi.waitFor(() => expect(applies()).toEqual([true, true]), { timeout: 2_000 });
    expect((await tryAdmit(0)).error).toMatchObject({ retryable: false });
  });

  it('frees what a caller that went away had reserved', async () => {
    await createLimit({ kind: 'parallel', amount: 1 });
    await inForce();
    const abort = new AbortController();
    const call = admit(0, { signal: abort.signal });
    abort.abort(new Error('gone'));
    await expect(call).rejects.toThrow('gone');
    await vi.waitFor(async () => expect((await tryAdmit(1)).error).toBeUndefined());
  });
}

function record(costMicros: number, createdAt: Date) {
  return {
    id: systemClock.newId('usage_'),
    projectId: 'proj_1',
    apiKeyId: 'key_1',
    requestId: 'req_1',
    endpoint: 'chat.completions',
    model: 'm',
    deployment: 'd',
    status: 'completed' as const,
    streamed: false,
    promptTokens: 1,
    completionTokens: 1,
    cachedTokens: 0,
    reasoningTokens: 0,
    upstreamUsage: null,
    estimated: false,
    firstTokenMs: null,
    durationMs: 1,
    costMicros,
    createdAt,
  };
}
