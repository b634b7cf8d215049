import { describe, expect, it } from 'vitest';
import { AppError } from '../../lib/app-error.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deployment } from '../models/index.ts';
import { callWithRetries } from './router.ts';

const deployment = (name: string): Deployment => ({
  id: name,
  name,
  provider: 'builtin',
  credentialId: name,
  upstreamModel: 'm',
  serves: new Set(['chat.completions']),
  weight: 1,
  tier: 0,
});
const failing = (details: { retryable?: boolean; retryAfterMs?: number } = {}) =>
  new AppError({ code: 'upstream_error', status: 502, message: 'm', retryable: true, ...details });

function plan(names: string[]) {
  const slept: number[] = [];
  const gone = new AbortController();
  const clock: Clock = {
    now: () => new Date(0),
    monotonicMs: () => 0,
    sleep: async (delayMs, signal) => {
      slept.push(delayMs);
      signal?.throwIfAborted();
    },
    newId: (prefix) => prefix,
  };
  const deployments = names.map(deployment);
  return { slept, gone, plan: { deployments, signal: gone.signal, clock, random: () => 0.5 } };
}

describe('callWithRetries', () => {
  it('tries a single deployment twice, with a pause', async () => {
    const { plan: one, slept } = plan(['a']);
    const tried: string[] = [];
    const call = callWithRetries(one, async ({ name }) => {
      tried.push(name);
      throw failing();
    });
    await expect(call).rejects.toMatchObject({ code: 'upstream_error' });
    expect(tried).toEqual(['a', 'a']);
    expect(slept).toEqual([100]);
  });

  it('goes to the next deployment at once', async () => {
    const { plan: three, slept } = plan(['a', 'b', 'c']);
    const answer = await callWithRetries(three, async ({ name }) => {
      if (name !== 'c') throw failing();
      return name;
    });
    expect(answer).toBe('c');
    expect(slept).toEqual([]);
  });

  it.each([
    ['is not retryable', failing({ retryable: false })],
    ['asks for a long wait', failing({ retryAfterMs: 1_500 })],
    ['is no error of an upstream', new TypeError('a defect')],
  ])('does not repeat what %s', async (_name, error) => {
    let tried = 0;
    const call = callWithRetries(plan(['a', 'b']).plan, async () => {
      tried += 1;
      throw error;
    });
    await expect(call).rejects.toBe(error);
    expect(tried).toBe(1);
  });

  it('stops with the reason of the abort', async () => {
    const { plan: one, gone } = plan(['a']);
    const reason = new Error('gone');
    const call = callWithRetries(one, async () => {
      gone.abort(reason);
      throw failing();
    });
    await expect(call).rejects.toBe(reason);
  });
});
