import { LRUCache } from 'lru-cache';
import type {
  CounterState,
  HeldLease,
  Reservation,
  ReserveAnswer,
  ReserveRequest,
  Settlement,
  Spending,
} from '../../ports/ephemeral-store.ts';
import {
  assertEphemeralKey,
  assertReserveRequest,
  assertSettlements,
  assertSpendings,
} from './limits.ts';
import { MemoryMoney } from './memory-money.ts';
import { type Checked, MemoryRate } from './memory-rate.ts';

const COUNTERS_MAX = 10_000;
const BUSY_MS = 1_000;

interface Check {
  readonly checked: Checked;
  take(): CounterState;
}

/** Reservations of one process. Nothing is awaited within a call, so nothing comes between its parts. */
export class MemoryReservations {
  readonly #nowMs: () => number;
  readonly #rates = new LRUCache<string, MemoryRate>({ max: COUNTERS_MAX });
  /** Ends of the leases by owner. */
  readonly #slots = new LRUCache<string, Map<string, number>>({ max: COUNTERS_MAX });
  readonly #money = new LRUCache<string, MemoryMoney>({ max: COUNTERS_MAX });

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  reserve(request: ReserveRequest): ReserveAnswer {
    assertReserveRequest(request);
    const nowMs = this.#nowMs();
    const unknown = request.reservations.filter(
      ({ kind, key }) => kind === 'money' && !this.#money.has(key),
    );
    const checks = request.reservations.map((one) => this.#check(one, request, nowMs));
    const refused = longestWait(checks.map(({ checked }) => checked));
    if (refused !== undefined) {
      const retryAfterMs = checks[refused]?.checked.refusal?.retryAfterMs ?? null;
      const counters = checks.map(({ checked }) => stateOf(checked));
      return { outcome: 'refused', refused, retryAfterMs, counters };
    }
    if (unknown.length > 0) {
      return { outcome: 'spending_unknown', keys: unknown.map(({ key }) => key) };
    }
    return { outcome: 'reserved', counters: checks.map((check) => stateOf(check.take())) };
  }

  settle(settlements: readonly Settlement[]): void {
    assertSettlements(settlements);
    const nowMs = this.#nowMs();
    for (const settlement of settlements) {
      const { kind, key } = settlement;
      if (kind === 'slot') this.#slots.get(key)?.delete(settlement.id);
      else if (kind === 'money') this.#money.get(key)?.settle(settlement.id, settlement.spent);
      else this.#rate(key).settle(settlement.mark, settlement.change, settlement.windowMs, nowMs);
    }
  }

  renew(leases: readonly HeldLease[], leaseMs: number): void {
    const endsMs = this.#nowMs() + leaseMs;
    for (const { kind, key, id, mark } of leases) {
      assertEphemeralKey(key);
      if (kind === 'slot') this.#slotsOf(key).set(id, endsMs);
      else this.#money.get(key)?.hold(id, mark, endsMs);
    }
  }

  raiseSpent(spendings: readonly Spending[]): void {
    assertSpendings(spendings);
    for (const { key, spent } of spendings) {
      const money = this.#money.get(key);
      if (money === undefined) this.#money.set(key, new MemoryMoney(spent));
      else money.raise(spent);
    }
  }

  clear(): void {
    this.#rates.clear();
    this.#slots.clear();
    this.#money.clear();
  }

  #check(reservation: Reservation, request: ReserveRequest, nowMs: number): Check {
    const { kind, key, limit } = reservation;
    const endsMs = nowMs + request.leaseMs;
    if (kind === 'slot')
      return this.#checkSlot(this.#slotsOf(key), limit, request.id, endsMs, nowMs);
    const { amount } = reservation;
    if (kind === 'rate') {
      const rate = this.#rate(key);
      const checked = rate.check(limit, amount, reservation.windowMs, nowMs);
      return { checked, take: () => rate.take(amount, checked, reservation.windowMs, nowMs) };
    }
    const money = this.#money.get(key);
    const checked = money?.check(limit, amount, nowMs) ?? { remaining: limit, resetMs: 0, mark: 0 };
    const { mark, remaining } = checked;
    return {
      checked,
      take: () => {
        money?.hold(request.id, mark, endsMs);
        return { remaining: remaining - mark, resetMs: 0, mark };
      },
    };
  }

  #checkSlot(
    slots: Map<string, number>,
    limit: number,
    id: string,
    endsMs: number,
    nowMs: number,
  ): Check {
    for (const [owner, ends] of slots) if (ends <= nowMs) slots.delete(owner);
    const found = { remaining: limit - slots.size, resetMs: 0, mark: 0 };
    const checked = found.remaining < 1 ? { ...found, refusal: { retryAfterMs: BUSY_MS } } : found;
    const take = () => {
      slots.set(id, endsMs);
      return { ...found, remaining: found.remaining - 1 };
    };
    return { checked, take };
  }

  #rate(key: string): MemoryRate {
    return made(this.#rates, key, () => new MemoryRate());
  }

  #slotsOf(key: string): Map<string, number> {
    return made(this.#slots, key, () => new Map());
  }
}

function made<Value extends {}>(
  cache: LRUCache<string, Value>,
  key: string,
  make: () => Value,
): Value {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const value = make();
  cache.set(key, value);
  return value;
}

/** Index of the refusal that no wait ends, or else of the one with the longest wait. */
function longestWait(checks: readonly Checked[]): number | undefined {
  let longest: number | undefined;
  let longestMs = -1;
  for (const [index, { refusal }] of checks.entries()) {
    if (refusal === undefined) continue;
    const waitMs = refusal.retryAfterMs ?? Number.POSITIVE_INFINITY;
    if (waitMs <= longestMs) continue;
    longest = index;
    longestMs = waitMs;
  }
  return longest;
}

function stateOf({ remaining, resetMs, mark }: CounterState): CounterState {
  return { remaining: Math.max(0, remaining), resetMs, mark };
}
