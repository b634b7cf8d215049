import type {
  CounterState,
  HeldLease,
  Reservation,
  Settlement,
} from '../../../ports/ephemeral-store.ts';
import type { AdmissionRequest } from './admission.ts';
import { type BudgetWindow, budgetWindow, type LimitRow } from './limit.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
// A total is forgotten after a month without a call; SQL still knows it.
const TOTAL_TTL_MS = 30 * 24 * HOUR_MS;

/** What a limit makes a call reserve. */
export interface PlannedReservation {
  readonly limit: LimitRow;
  readonly reservation: Reservation;
  /** Of a budget. */
  readonly window?: BudgetWindow;
}

/** What a call has to reserve. One that costs nothing is no matter of budgets. */
export function planReservations(
  limits: readonly LimitRow[],
  request: Pick<AdmissionRequest, 'estimatedTokens' | 'estimatedCostMicros'>,
  now: Date,
): PlannedReservation[] {
  const tokens = wholeAmount(request.estimatedTokens);
  const costMicros = wholeAmount(request.estimatedCostMicros);
  return limits.flatMap((limit): PlannedReservation[] => {
    const { kind, id: key, amount } = limit;
    if (kind === 'parallel') return [{ limit, reservation: { kind: 'slot', key, limit: amount } }];
    if (kind === 'money') return costMicros === 0 ? [] : [planMoney(limit, costMicros, now)];
    const rate = { kind: 'rate' as const, key, limit: amount, windowMs: MINUTE_MS };
    return [{ limit, reservation: { ...rate, amount: kind === 'requests' ? 1 : tokens } }];
  });
}

function planMoney(limit: LimitRow, amount: number, now: Date): PlannedReservation {
  const window = budgetWindow(limit.period, now);
  const untilEndMs = window.endMs - now.getTime();
  const ttlMs = Number.isFinite(untilEndMs) ? untilEndMs + HOUR_MS : TOTAL_TTL_MS;
  const key = `${limit.id}:${window.start.getTime()}`;
  return { limit, window, reservation: { kind: 'money', key, limit: limit.amount, amount, ttlMs } };
}

/** What to settle when the call is over; undefined when it failed. */
export function settlementsOf(
  id: string,
  plan: readonly PlannedReservation[],
  counters: readonly CounterState[],
  actual: { tokens: number; costMicros: number } | undefined,
): Settlement[] {
  return plan.flatMap(({ limit, reservation }, index): Settlement[] => {
    const { key } = reservation;
    const mark = counters[index]?.mark ?? 0;
    if (reservation.kind === 'slot') return [{ kind: 'slot', key, id }];
    if (reservation.kind === 'money') {
      return [{ kind: 'money', key, id, mark, spent: wholeAmount(actual?.costMicros ?? 0) }];
    }
    const change = wholeAmount(actual?.tokens ?? 0) - reservation.amount;
    if (limit.kind === 'requests' || change === 0) return [];
    return [{ kind: 'rate', key, windowMs: reservation.windowMs, mark, change }];
  });
}

/** What has to be renewed while the call runs. */
export function leasesOf(
  id: string,
  plan: readonly PlannedReservation[],
  counters: readonly CounterState[],
): HeldLease[] {
  return plan.flatMap(({ reservation: { kind, key } }, index): HeldLease[] =>
    kind === 'rate' ? [] : [{ kind, key, id, mark: counters[index]?.mark ?? 0 }],
  );
}

function wholeAmount(amount: number): number {
  return Number.isFinite(amount) ? Math.max(0, Math.ceil(amount)) : 0;
}
