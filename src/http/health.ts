import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Log } from '../lib/log.ts';
import type { Clock } from '../ports/clock.ts';

export interface HealthCheck {
  /** Name of the dependency, for people. */
  readonly name: string;
  /** This instance cannot serve without it: a failure turns readiness off. */
  readonly required: boolean;
  /** Resolves when the dependency answers; rejects with the reason otherwise. */
  check(signal: AbortSignal): Promise<void>;
}

export interface CheckResult {
  readonly name: string;
  readonly required: boolean;
  readonly status: 'ok' | 'failed';
  readonly durationMs: number;
}

export interface Health {
  /** Results not older than the cache time; never rejects. */
  results(): Promise<readonly CheckResult[]>;
}

const CACHE_MS = 2_000;
const TIMEOUT_MS = 2_000;

/**
 * Runs the checks, each with a time limit, at most once in a while however often it is asked: probes of a load
 * balancer must not become load on the stores. Reasons go into the log, since they may name hosts.
 */
export function createHealth(options: {
  checks: readonly HealthCheck[];
  clock: Clock;
  log: Log;
  cacheMs?: number;
  timeoutMs?: number;
}): Health {
  const { checks, clock, log, cacheMs = CACHE_MS, timeoutMs = TIMEOUT_MS } = options;
  let cached: { atMs: number; results: Promise<readonly CheckResult[]> } | undefined;
  return {
    results: () => {
      const nowMs = clock.monotonicMs();
      if (cached === undefined || nowMs - cached.atMs >= cacheMs) {
        const results = Promise.all(checks.map((check) => run(check, { clock, log, timeoutMs })));
        cached = { atMs: nowMs, results };
      }
      return cached.results;
    },
  };
}

async function run(
  check: HealthCheck,
  { clock, log, timeoutMs }: { clock: Clock; log: Log; timeoutMs: number },
): Promise<CheckResult> {
  const startedMs = clock.monotonicMs();
  const { name, required } = check;
  const status = await within(check, timeoutMs).then(
    () => 'ok' as const,
    (error: unknown) => {
      log.warn({ check: name, error }, 'a health check failed');
      return 'failed' as const;
    },
  );
  return { name, required, status, durationMs: Math.round(clock.monotonicMs() - startedMs) };
}

// A check that ignores its signal must not hold up the answer either.
async function within(check: HealthCheck, timeoutMs: number): Promise<void> {
  const controller = new AbortController();
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const reason = new Error(`no answer within ${timeoutMs} ms`);
    controller.abort(reason);
    reject(reason);
  }, timeoutMs);
  try {
    await Promise.race([check.check(controller.signal), expired]);
  } finally {
    clearTimeout(timer);
  }
}

export type Readiness = 'ok' | 'degraded' | 'unavailable' | 'draining';

export function readinessOf(results: readonly CheckResult[], draining: boolean): Readiness {
  if (draining) return 'draining';
  const failed = results.filter((result) => result.status === 'failed');
  if (failed.some((result) => result.required)) return 'unavailable';
  return failed.length > 0 ? 'degraded' : 'ok';
}

/** `/health/live`: the process turns. `/health/ready`: send requests here. `/health`: each dependency, for people. */
export function serveHealth(
  app: FastifyInstance,
  options: { health: Health; isDraining: () => boolean; version: string },
): void {
  const route = (summary: string) => ({
    config: { access: 'public' as const },
    schema: { summary, tags: ['operations'] },
  });
  app.get('/health/live', route('Is the process alive'), async () => ({ status: 'ok' }));
  app.get('/health/ready', route('May requests be sent here'), async (_request, reply) => {
    const status = readinessOf(await options.health.results(), options.isDraining());
    return answer(reply, status, { status });
  });
  app.get('/health', route('State of each dependency'), async (_request, reply) => {
    const checks = await options.health.results();
    const status = readinessOf(checks, options.isDraining());
    return answer(reply, status, { status, version: options.version, checks });
  });
}

function answer(reply: FastifyReply, status: Readiness, body: object): FastifyReply {
  const isReady = status === 'ok' || status === 'degraded';
  return reply.code(isReady ? 200 : 503).send(body);
}
