import { describe, expect, it } from 'vitest';
import { EphemeralStoreUnavailableError } from '../../ports/ephemeral-store.ts';
import { CircuitBreaker } from './circuit-breaker.ts';

const fail = async () => {
  throw new EphemeralStoreUnavailableError('down');
};

function createBreaker() {
  let nowMs = 0;
  const breaker = new CircuitBreaker({
    failuresMax: 3,
    coolDownMs: 1_000,
    monotonicMs: () => nowMs,
  });
  const failTimes = async (times: number) => {
    for (let n = 0; n < times; n += 1) await expect(breaker.run(fail)).rejects.toThrow('down');
  };
  return { breaker, failTimes, advance: (ms: number) => (nowMs += ms) };
}

describe('CircuitBreaker', () => {
  it('stops calling after failures in a row', async () => {
    const { breaker, failTimes } = createBreaker();
    await failTimes(3);
    await expect(breaker.run(async () => 1)).rejects.toThrow('not asked');
  });

  it('counts only failures in a row', async () => {
    const { breaker, failTimes } = createBreaker();
    await failTimes(2);
    expect(await breaker.run(async () => 1)).toBe(1);
    await failTimes(2);
    expect(await breaker.run(async () => 2)).toBe(2);
  });

  it('does not count errors of the call itself', async () => {
    const { breaker } = createBreaker();
    const mistake = async () => {
      throw new TypeError('mine');
    };
    for (let n = 0; n < 5; n += 1) await expect(breaker.run(mistake)).rejects.toThrow('mine');
    expect(await breaker.run(async () => 1)).toBe(1);
  });

  it('lets one probe through after the cool-down and closes when it succeeds', async () => {
    const { breaker, failTimes, advance } = createBreaker();
    await failTimes(3);
    advance(1_000);
    const { promise, resolve } = Promise.withResolvers<number>();
    const probe = breaker.run(() => promise);
    await expect(breaker.run(async () => 2)).rejects.toThrow('not asked');
    resolve(1);
    expect(await probe).toBe(1);
    expect(await breaker.run(async () => 3)).toBe(3);
  });

  it('waits again when the probe fails', async () => {
    const { breaker, failTimes, advance } = createBreaker();
    await failTimes(3);
    advance(1_000);
    await failTimes(1);
    await expect(breaker.run(async () => 1)).rejects.toThrow('not asked');
    advance(1_000);
    expect(await breaker.run(async () => 1)).toBe(1);
  });
});
