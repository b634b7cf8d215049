import { Counter, Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { CellCounter, CellHistogram } from './metric-cells.ts';

const described = { name: 'm', help: 'what it counts' };

describe('metrics in cells write the text that those of the library write', () => {
  const texts = async (register: (kind: 'library' | 'cells', registers: Registry[]) => void) => {
    const [library, cells] = [new Registry(), new Registry()];
    register('library', [library]);
    register('cells', [cells]);
    return [await library.metrics(), await cells.metrics()];
  };

  it('counters with labels', async () => {
    const [expected, found] = await texts((kind, registers) => {
      const options = { ...described, labelNames: ['a', 'b'] as const, registers };
      const counter = kind === 'library' ? new Counter(options) : new CellCounter(options);
      counter.inc({ a: 'x', b: 'y"\n' });
      counter.inc({ b: 'y"\n', a: 'x' }, 2.5);
      counter.inc({ a: 'xy', b: '' }, 0);
    });
    expect(found).toBe(expected);
  });

  it('counters without labels, before and after they count', async () => {
    for (const times of [0, 1, 3]) {
      const [expected, found] = await texts((kind, registers) => {
        const options = { ...described, registers };
        const counter = kind === 'library' ? new Counter(options) : new CellCounter(options);
        for (let time = 0; time < times; time += 1) counter.inc(time);
        if (times === 1) counter.inc();
      });
      expect(found).toBe(expected);
    }
  });

  it('histograms with labels', async () => {
    const [expected, found] = await texts((kind, registers) => {
      const options = { ...described, labelNames: ['a'] as const, buckets: [0.5, 1, 2], registers };
      const histogram = kind === 'library' ? new Histogram(options) : new CellHistogram(options);
      for (const value of [0, 0.5, 0.75, 1, 1.5, 2, 7]) histogram.observe({ a: 'x' }, value);
      histogram.observe({ a: 'z' }, 1);
    });
    expect(found).toBe(expected);
  });

  it('histograms without labels, before and after they observe', async () => {
    for (const values of [[], [0.1, 0.2, 9]]) {
      const [expected, found] = await texts((kind, registers) => {
        const options = { ...described, buckets: [0.1, 1], registers };
        const histogram = kind === 'library' ? new Histogram(options) : new CellHistogram(options);
        for (const value of values) histogram.observe(value);
      });
      expect(found).toBe(expected);
    }
  });
});

describe('OP-7 labels are bounded whatever is counted', () => {
  it('what is beyond the bound counts as `other`, and nothing is lost', async () => {
    const registers = [new Registry()];
    const labelNames = ['a', 'b'] as const;
    const counter = new CellCounter({ ...described, labelNames, registers });
    for (let index = 0; index < 5_000; index += 1) counter.inc({ a: `${index}`, b: 'x' });
    const { values } = await counter.get();
    expect(values.length).toBeLessThanOrEqual(2_001);
    expect(values.reduce((sum, { value }) => sum + value, 0)).toBe(5_000);
    expect(values.at(-1)).toEqual({ labels: { a: 'other', b: 'other' }, value: 3_000 });
  });

  it('likewise in histograms', async () => {
    const registers = [new Registry()];
    const options = { ...described, labelNames: ['a'] as const, buckets: [1], registers };
    const histogram = new CellHistogram(options);
    for (let index = 0; index < 1_000; index += 1) histogram.observe({ a: `${index}` }, 1);
    const { values } = await histogram.get();
    const counts = values.filter(({ metricName }) => metricName === 'm_count');
    expect(counts.length).toBeLessThanOrEqual(401);
    expect(counts.reduce((sum, { value }) => sum + value, 0)).toBe(1_000);
  });
});
