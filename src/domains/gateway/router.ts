import { AppError } from '../../lib/app-error.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deployment } from '../models/index.ts';

export interface RoutePlan {
  /** In the order of preference. */
  readonly deployments: readonly Deployment[];
  /** Bounds all attempts together. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** 0 to 1, for the jitter. */
  readonly random: () => number;
}

const ATTEMPTS_MIN = 2;
const BACKOFF_MS = 50;
const BACKOFF_JITTER_MS = 100;
/** A longer Retry-After goes to the client, who can wait better than an open request. */
const RETRY_AFTER_MAX_MS = 1_000;

/**
 * The only retry loop. `attempt` must not have shown anything to the client when it rejects. A single deployment is
 * tried twice, of several each once; the last failure is the one reported.
 */
export async function callWithRetries<T>(
  plan: RoutePlan,
  attempt: (deployment: Deployment, attemptNumber: number) => Promise<T>,
): Promise<T> {
  const attemptsMax = Math.max(ATTEMPTS_MIN, plan.deployments.length);
  for (let number = 1; ; number += 1) {
    try {
      return await attempt(deploymentAt(plan, number), number);
    } catch (error) {
      if (plan.signal.aborted) throw plan.signal.reason;
      if (number >= attemptsMax || !mayHelp(error)) throw error;
      await pauseBefore(plan, number, error);
    }
  }
}

function deploymentAt({ deployments }: RoutePlan, number: number): Deployment {
  const deployment = deployments[(number - 1) % deployments.length];
  if (deployment === undefined) throw new Error('a model without deployments');
  return deployment;
}

function mayHelp(error: unknown): error is AppError {
  if (!(error instanceof AppError) || !error.retryable) return false;
  return error.retryAfterMs === undefined || error.retryAfterMs <= RETRY_AFTER_MAX_MS;
}

async function pauseBefore(plan: RoutePlan, number: number, error: AppError): Promise<void> {
  const same = deploymentAt(plan, number) === deploymentAt(plan, number + 1);
  if (!same) return;
  const backoffMs = error.retryAfterMs ?? BACKOFF_MS;
  try {
    await plan.clock.sleep(backoffMs + BACKOFF_JITTER_MS * plan.random(), plan.signal);
  } catch (cause) {
    throw plan.signal.aborted ? plan.signal.reason : cause;
  }
}
