import type { CounterState } from '../../../ports/ephemeral-store.ts';
import type { PlannedReservation } from './plan-reservations.ts';

const SECOND_MS = 1_000;

/** `x-ratelimit-*` of the tightest limit of requests and of tokens. */
export function limitHeaders(
  plan: readonly PlannedReservation[],
  counters: readonly CounterState[],
): Record<string, string> {
  return { ...headersOf('requests', plan, counters), ...headersOf('tokens', plan, counters) };
}

function headersOf(
  kind: 'requests' | 'tokens',
  plan: readonly PlannedReservation[],
  counters: readonly CounterState[],
): Record<string, string> {
  let tightest: { limit: number; counter: CounterState } | undefined;
  for (const [index, { limit }] of plan.entries()) {
    const counter = counters[index];
    if (limit.kind !== kind || counter === undefined) continue;
    if (tightest !== undefined && tightest.counter.remaining <= counter.remaining) continue;
    tightest = { limit: limit.amount, counter };
  }
  if (tightest === undefined) return {};
  return {
    [`x-ratelimit-limit-${kind}`]: String(tightest.limit),
    [`x-ratelimit-remaining-${kind}`]: String(tightest.counter.remaining),
    [`x-ratelimit-reset-${kind}`]: durationText(tightest.counter.resetMs),
  };
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
