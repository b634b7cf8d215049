import { Gauge, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { collectTogether } from './collect-together.ts';

function stage() {
  const registry = new Registry();
  const registers = [registry];
  const plain = new Gauge({ name: 'plain', help: 'h', registers });
  const labelled = new Gauge({
    name: 'labelled',
    help: 'h',
    labelNames: ['a'] as const,
    registers,
  });
  const lines = async () =>
    (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return { plain, labelled, lines, gauges: [plain, labelled as Gauge<string>] };
}

describe('gauges that are read together', () => {
  it('are read once for each scrape, and not again within their age', async () => {
    const { plain, labelled, lines, gauges } = stage();
    let [reads, nowMs] = [0, 0];
    const read = () => {
      reads += 1;
      plain.set(reads);
      labelled.set({ a: 'x' }, reads);
    };
    collectTogether(gauges, read, { maxAgeMs: 100, monotonicMs: () => nowMs });
    expect(await lines()).toEqual(['plain 1', 'labelled{a="x"} 1']);
    nowMs = 99;
    expect(await lines()).toEqual(['plain 1', 'labelled{a="x"} 1']);
    nowMs = 100;
    expect(await lines()).toEqual(['plain 2', 'labelled{a="x"} 2']);
  });

  it('say nothing old while they cannot be read', async () => {
    const { plain, labelled, lines, gauges } = stage();
    plain.set(7);
    labelled.set({ a: 'x' }, 7);
    collectTogether(gauges, () => Promise.reject(new Error('away')), { monotonicMs: () => 0 });
    expect(await lines()).toEqual(['plain Nan']);
  });

  it('do not hold up a scrape, and tell the reader to stop', async () => {
    const { lines, gauges } = stage();
    let isAborted = false;
    const hanging = (signal: AbortSignal) =>
      new Promise<void>(() => signal.addEventListener('abort', () => (isAborted = true)));
    collectTogether(gauges, hanging, { timeoutMs: 5, monotonicMs: () => 0 });
    expect(await lines()).toEqual(['plain Nan']);
    expect(isAborted).toBe(true);
  });
});
