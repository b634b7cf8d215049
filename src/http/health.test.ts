import { expect, test, vi } from 'vitest';
import { createMetrics } from '../lib/metrics.ts';
import { silentLog } from '../lib/log.ts';
import type { Clock } from '../ports/clock.ts';
import { recordingLog } from '../../test/support/recording-log.ts';
import { createHealth, readinessOf } from './health.ts';
import { listenForMetrics } from './request-metrics.ts';

function clockAt(time: { ms: number }): Clock {
  return {
    now: () => new Date(time.ms),
    monotonicMs: () => time.ms,
    sleep: async () => undefined,
    newId: (prefix) => prefix,
  };
}

test('results are kept for a while, and asked for once by many', async () => {
  const time = { ms: 0 };
  const check = vi.fn(async () => undefined);
  const health = createHealth({
    checks: [{ name: 'database', required: true, check }],
    clock: clockAt(time),
    log: silentLog,
  });
  await Promise.all([health.results(), health.results(), health.results()]);
  expect(check).toHaveBeenCalledTimes(1);
  time.ms = 1_999;
  await health.results();
  expect(check).toHaveBeenCalledTimes(1);
  time.ms = 2_000;
  await health.results();
  expect(check).toHaveBeenCalledTimes(2);
});

test('a check that hangs fails in time and is told to stop', async () => {
  const { log, lines } = recordingLog();
  let signal: AbortSignal | undefined;
  const health = createHealth({
    checks: [
      {
        name: 'vectors',
        required: false,
        check: (given) => {
          signal = given;
          return new Promise(() => undefined);
        },
      },
      { name: 'database', required: true, check: async () => undefined },
    ],
    clock: clockAt({ ms: 0 }),
    log,
    timeoutMs: 20,
  });
  const results = await health.results();
  expect(results.map((result) => [result.name, result.status])).toEqual([
    ['vectors', 'failed'],
    ['database', 'ok'],
  ]);
  expect(signal?.aborted).toBe(true);
  expect(lines[0]?.fields).toMatchObject({ check: 'vectors' });
  expect(readinessOf(results, false)).toBe('degraded');
  expect(readinessOf(results, true)).toBe('draining');
});

test('only what is required turns readiness off', () => {
  const result = (required: boolean) =>
    [{ name: 'x', required, status: 'failed', durationMs: 1 }] as const;
  expect(readinessOf(result(true), false)).toBe('unavailable');
  expect(readinessOf(result(false), false)).toBe('degraded');
  expect(readinessOf([], false)).toBe('ok');
});

test('the metrics listener serves metrics and nothing else', async () => {
  const listener = await listenForMetrics({ host: '127.0.0.1', port: 0, metrics: createMetrics() });
  const base = `http://127.0.0.1:${listener.port}`;
  const answer = await fetch(`${base}/metrics`);
  expect(await answer.text()).toContain('llamp_http_requests_total');
  expect((await fetch(`${base}/v1/models`)).status).toBe(404);
  await listener.close();
});
