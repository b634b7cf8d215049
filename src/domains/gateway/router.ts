import { AppError } from '../../lib/app-error.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Candidate, Route } from './routing/route.ts';

export interface RoutePlan {
  readonly route: Pick<Route, 'first' | 'after'>;
  /** Bounds all attempts together. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** 0 to 1, for the jitter. */
  readonly random: () => number;
}

const BACKOFF_MS = 50;
const BACKOFF_JITTER_MS = 100;

/**
 * The only retry loop: the route says where to go next and whether that may help. `attempt` must not have shown
 * anything to the client when it rejects. The last failure is the one reported.
 */
export async function callWithRetries<T>(
  plan: RoutePlan,
  attempt: (candidate: Candidate) => Promise<T>,
): Promise<T> {
  const { route, signal } = plan;
  for (let candidate = route.first(); ; ) {
    try {
      return await attempt(candidate);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const next = route.after(error);
      if (next === undefined) throw error;
      if (next.deployment === candidate.deployment) await pause(plan, error);
      candidate = next;
    }
  }
}

/** Before the same deployment is asked again; another one is asked at once. */
async function pause(plan: RoutePlan, error: unknown): Promise<void> {
  const backoffMs = (error instanceof AppError ? error.retryAfterMs : undefined) ?? BACKOFF_MS;
  try {
    await plan.clock.sleep(backoffMs + BACKOFF_JITTER_MS * plan.random(), plan.signal);
  } catch (cause) {
    throw plan.signal.aborted ? plan.signal.reason : cause;
  }
}
