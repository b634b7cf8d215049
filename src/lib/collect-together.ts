import type { Gauge } from 'prom-client';

export interface CollectOptions {
  /** A reading serves every scrape within this time. Default 0: one reading for each. */
  readonly maxAgeMs?: number;
  /** A scrape does not wait longer. Default 3 000. */
  readonly timeoutMs?: number;
  readonly monotonicMs: () => number;
}

const TIMEOUT_MS = 3_000;

/**
 * Reads gauges when metrics are collected, all of them by one call. Old figures never stay: while `read` fails, or takes
 * too long, the gauges say NaN, and those with labels say nothing.
 */
export function collectTogether(
  gauges: readonly Gauge<string>[],
  read: (signal: AbortSignal) => Promise<void> | void,
  { maxAgeMs = 0, timeoutMs = TIMEOUT_MS, monotonicMs }: CollectOptions,
): void {
  let reading: Promise<void> | undefined;
  let readAtMs = Number.NEGATIVE_INFINITY;
  const collect = (): Promise<void> => {
    if (reading !== undefined) return reading;
    if (monotonicMs() - readAtMs < maxAgeMs) return Promise.resolve();
    reading = withinTime(read, timeoutMs)
      .then(
        () => {
          readAtMs = monotonicMs();
        },
        () => forget(gauges),
      )
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };
  for (const gauge of gauges) Object.assign(gauge, { collect });
}

async function withinTime(
  read: (signal: AbortSignal) => Promise<void> | void,
  timeoutMs: number,
): Promise<void> {
  const controller = new AbortController();
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const reason = new Error(`not read within ${timeoutMs} ms`);
    controller.abort(reason);
    reject(reason);
  }, timeoutMs);
  try {
    await Promise.race([read(controller.signal), expired]);
  } finally {
    clearTimeout(timer);
  }
}

function forget(gauges: readonly Gauge<string>[]): void {
  for (const gauge of gauges) {
    gauge.reset();
    // A gauge without labels would say 0, which is a figure too.
    const { labelNames } = gauge as unknown as { labelNames: readonly string[] };
    if (labelNames.length === 0) gauge.set(Number.NaN);
  }
}
