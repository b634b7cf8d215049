import type { CounterState } from '../../../ports/ephemeral-store.ts';
import type { PlannedReservation } from './plan-reservations.ts';

const SECOND_MS = 1_000;

interface TightestLimit {
  readonly limit: number;
  readonly counter: CounterState;
}

/** `x-ratelimit-*` of the tightest limit of requests and of tokens. */
export function limitHeaders(
  plan: readonly PlannedReservation[],
  counters: readonly CounterState[],
): Record<string, string> {
  const headers: Record<string, string> = {};
  const requests = tightestOf('requests', plan, counters);
  if (requests !== undefined) {
    headers['x-ratelimit-limit-requests'] = String(requests.limit);
    headers['x-ratelimit-remaining-requests'] = String(requests.counter.remaining);
    headers['x-ratelimit-reset-requests'] = durationText(requests.counter.resetMs);
  }
  const tokens = tightestOf('tokens', plan, counters);
  if (tokens !== undefined) {
    headers['x-ratelimit-limit-tokens'] = String(tokens.limit);
    headers['x-ratelimit-remaining-tokens'] = String(tokens.counter.remaining);
    headers['x-ratelimit-reset-tokens'] = durationText(tokens.counter.resetMs);
  }
  return headers;
}

function tightestOf(
  kind: 'requests' | 'tokens',
  plan: readonly PlannedReservation[],
  counters: readonly CounterState[],
): TightestLimit | undefined {
  let tightest: TightestLimit | undefined;
  for (let index = 0; index < plan.length; index += 1) {
    const limit = plan[index]?.limit;
    const counter = counters[index];
    if (limit?.kind !== kind || counter === undefined) continue;
    if (tightest === undefined || tightest.counter.remaining > counter.remaining)
      tightest = { limit: limit.amount, counter };
  }
  return tightest;
}

/** A time as OpenAI writes it: `120ms`, `1.5s`, `6m0s`, `1h0m5s`. */
export function durationText(durationMs: number): string {
  if (durationMs < SECOND_MS) return `${Math.ceil(durationMs)}ms`;
  const wholeMs = Math.ceil(durationMs);
  const seconds = (wholeMs % 60_000) / SECOND_MS;
  const minutes = Math.floor(wholeMs / 60_000) % 60;
  const hours = Math.floor(wholeMs / 3_600_000);
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
