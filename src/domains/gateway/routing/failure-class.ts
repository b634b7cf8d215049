import { AppError } from '../../../lib/app-error.ts';
import { UpstreamFailure, type UpstreamOutcome } from '../upstream-failure.ts';

/** What the end of an attempt says about the health of its deployment. */
export type HealthSign =
  /** It answered, if only to say that the request is wrong. */
  | 'answered'
  /** It took our credential and would not work for it: refused, or out of money. */
  | 'credential'
  | 'limited'
  | 'broken'
  /** Nothing: the client left, or the attempt never reached it. */
  | 'none';

/** A longer Retry-After goes to the client, who can wait better than an open request. */
const RETRY_AFTER_MAX_MS = 1_000;
const ELSEWHERE: ReadonlySet<UpstreamOutcome> = new Set(['429', 'timeout', 'overloaded']);
const BROKEN: ReadonlySet<UpstreamOutcome> = new Set([
  '5xx',
  'timeout',
  'reset',
  'unreachable',
  'garbage',
  'truncated',
]);

/** `error` is what the attempt ended with, where it ended before the client saw any of it. */
export function healthSign(outcome: UpstreamOutcome, error: unknown): HealthSign {
  if (outcome === 'ok') return 'answered';
  if (outcome === 'truncated') return 'broken';
  // Whatever else was thrown is a defect or a refusal of ours.
  if (!(error instanceof UpstreamFailure)) return 'none';
  if (refusesCredential(error)) return 'credential';
  if (outcome === '4xx') return 'answered';
  if (outcome === '429') return 'limited';
  return BROKEN.has(outcome) ? 'broken' : 'none';
}

/** True when another deployment may succeed. */
export function helpsElsewhere(error: unknown): boolean {
  if (!(error instanceof AppError)) return false;
  if (error.retryable) return true;
  return (
    error instanceof UpstreamFailure && (ELSEWHERE.has(error.outcome) || refusesCredential(error))
  );
}

/** True when the same deployment may succeed a moment later. */
export function helpsAgain(error: unknown): boolean {
  if (!(error instanceof AppError) || !error.retryable) return false;
  return error.retryAfterMs === undefined || error.retryAfterMs <= RETRY_AFTER_MAX_MS;
}

function refusesCredential({ code }: UpstreamFailure): boolean {
  return code === 'upstream_authentication_failed' || code === 'insufficient_quota';
}
