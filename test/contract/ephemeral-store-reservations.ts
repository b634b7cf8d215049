import { randomUUID } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import type {
  EphemeralStore,
  MoneyReservation,
  RateReservation,
  Reservation,
  ReserveAnswer,
  SlotReservation,
} from '../../src/ports/ephemeral-store.ts';

const OPTIONS = { timeoutMs: 2_000 };
const LEASE_MS = 60_000;
const BLINK_MS = 60;
const WAIT = { timeout: 5_000, interval: 5 };

export interface ReservationSubject {
  readonly store: EphemeralStore;
  /** Another process' view of the same store; for the memory adapter the store itself. */
  readonly other: EphemeralStore;
}

const newKey = () => `key:${randomUUID()}`;
const newRate = (fields: Partial<RateReservation> = {}): RateReservation => {
  return { kind: 'rate', key: newKey(), limit: 10, amount: 1, windowMs: 60_000, ...fields };
};
const newSlot = (limit: number): SlotReservation => ({ kind: 'slot', key: newKey(), limit });
const newMoney = (fields: Partial<MoneyReservation> = {}): MoneyReservation => {
  return { kind: 'money', key: newKey(), limit: 1_000, amount: 100, ttlMs: 60_000, ...fields };
};

function reserve(
  store: EphemeralStore,
  reservations: readonly Reservation[],
  { id = randomUUID() as string, leaseMs = LEASE_MS } = {},
): Promise<ReserveAnswer> {
  return store.reserve({ id, leaseMs, reservations }, OPTIONS);
}

function countersOf(answer: ReserveAnswer) {
  if (answer.outcome === 'spending_unknown') throw new Error('the spending is unknown');
  return answer.counters;
}

const remainingOf = (answer: ReserveAnswer) => countersOf(answer).map((one) => one.remaining);
const markOf = (answer: ReserveAnswer) => countersOf(answer)[0]?.mark ?? Number.NaN;
/** What is left, without taking any of it. */
const probe = async (store: EphemeralStore, rate: RateReservation) =>
  remainingOf(await reserve(store, [{ ...rate, amount: 0 }]))[0];

/** What every ephemeral store does with reservations. */
export function describeReservations(subjectOf: () => ReservationSubject): void {
  describe('reservations', () => {
    describeAtomicity(subjectOf);
    describeRates(subjectOf);
    describeSlots(subjectOf);
    describeMoney(subjectOf);
  });
}

function describeAtomicity(subjectOf: () => ReservationSubject): void {
  it('are taken together or not at all', async () => {
    const { store, other } = subjectOf();
    const [requests, tokens] = [newRate({ limit: 5 }), newRate({ limit: 100, amount: 60 })];
    const slot = newSlot(3);
    expect(remainingOf(await reserve(store, [requests, tokens, slot]))).toEqual([4, 40, 2]);
    const second = await reserve(other, [requests, tokens, slot]);
    expect(second).toMatchObject({ outcome: 'refused', refused: 1 });
    expect(remainingOf(second)).toEqual([4, 40, 2]);
    const third = await reserve(store, [requests, { ...tokens, amount: 40 }, slot]);
    expect(remainingOf(third)).toEqual([3, 0, 1]);
  });

  it('name the one that has to wait longest', async () => {
    const { store } = subjectOf();
    const [short, long] = [newRate({ limit: 1, windowMs: 5_000 }), newRate({ limit: 1 })];
    const slot = newSlot(0);
    await reserve(store, [short, long]);
    const answer = await reserve(store, [slot, short, long, newRate()]);
    expect(answer).toMatchObject({ outcome: 'refused', refused: 2 });
    const never = newRate({ limit: 5, amount: 6 });
    expect(await reserve(store, [long, never, slot])).toMatchObject({
      outcome: 'refused',
      refused: 1,
      retryAfterMs: null,
    });
  });

  it('take nothing when there is nothing to take', async () => {
    expect(await reserve(subjectOf().store, [])).toEqual({ outcome: 'reserved', counters: [] });
  });

  it('let exactly as many of 200 at once pass as there is room for', async () => {
    const { store, other } = subjectOf();
    const [rate, slot] = [newRate({ limit: 50 }), newSlot(40)];
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) => reserve(n % 2 ? store : other, [rate, slot])),
    );
    expect(answers.filter(({ outcome }) => outcome === 'reserved')).toHaveLength(40);
    expect(await probe(store, rate)).toBe(10);
  });

  it('refuse what is no request', async () => {
    const { store } = subjectOf();
    await expect(reserve(store, [newRate({ amount: 1.5 })])).rejects.toThrow(RangeError);
    await expect(reserve(store, [newRate({ limit: -1 })])).rejects.toThrow(RangeError);
    await expect(reserve(store, [newRate({ key: 'ü'.repeat(65) })])).rejects.toThrow(RangeError);
    await expect(
      reserve(
        store,
        Array.from({ length: 65 }, () => newRate()),
      ),
    ).rejects.toThrow(RangeError);
  });
}

function describeRates(subjectOf: () => ReservationSubject): void {
  it('of a rate come back after the window, as the answer said', async () => {
    const { store } = subjectOf();
    const rate = newRate({ limit: 3, amount: 3, windowMs: 400 });
    await reserve(store, [rate]);
    const startedMs = performance.now();
    const refused = await reserve(store, [rate]);
    if (refused.outcome !== 'refused') throw new Error('it was let through');
    expect(refused.retryAfterMs).toBeGreaterThan(0);
    expect(refused.retryAfterMs).toBeLessThanOrEqual(405);
    expect(countersOf(refused)[0]?.resetMs).toBe(refused.retryAfterMs);
    await vi.waitFor(async () => {
      expect((await reserve(store, [rate])).outcome).toBe('reserved');
    }, WAIT);
    expect(performance.now() - startedMs).toBeGreaterThan(300);
  });

  it('of a rate are settled with what was used, more or less', async () => {
    const { store, other } = subjectOf();
    const rate = newRate({ limit: 1_000, amount: 200 });
    const [less, more, failed] = [
      await reserve(store, [rate]),
      await reserve(other, [rate]),
      await reserve(store, [rate]),
    ];
    const settlement = { kind: 'rate' as const, key: rate.key, windowMs: rate.windowMs };
    const settlements = [
      { ...settlement, mark: markOf(less), change: -150 },
      { ...settlement, mark: markOf(more), change: 30 },
      { ...settlement, mark: markOf(failed), change: -200 },
    ];
    await other.settle(settlements, OPTIONS);
    expect(await probe(store, rate)).toBe(1_000 - 50 - 230);
  });

  it('of a rate that has passed are settled now when more was used, and never give back', async () => {
    const { store } = subjectOf();
    const rate = newRate({ limit: 100, amount: 10 });
    const settlement = { kind: 'rate' as const, key: rate.key, windowMs: rate.windowMs, mark: 1 };
    await store.settle([{ ...settlement, change: -10 }], OPTIONS);
    await store.settle([{ ...settlement, change: 25 }], OPTIONS);
    expect(await probe(store, rate)).toBe(75);
  });

  it('of a rate never exceed it, and use 98 % of it, over five windows', async () => {
    const { store, other } = subjectOf();
    const windowMs = 1_200;
    const rate = newRate({ limit: 100, windowMs });
    const taken = new Map<number, number>();
    const endMs = performance.now() + 5 * windowMs;
    const drive = async (from: EphemeralStore) => {
      while (performance.now() < endMs) {
        const answer = await reserve(from, [rate]);
        if (answer.outcome === 'reserved') {
          taken.set(markOf(answer), (taken.get(markOf(answer)) ?? 0) + 1);
        }
        // The other one's turn, and the machine's.
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await Promise.all([drive(store), drive(other)]);
    const total = [...taken.values()].reduce((sum, count) => sum + count, 0);
    expect(total).toBeGreaterThanOrEqual(490);
    expect(total).toBeLessThanOrEqual(510);
    // Parts of ten milliseconds: a window touches at most 121 of them.
    for (const first of taken.keys()) {
      let within = 0;
      for (let part = first; part <= first + 120; part += 1) within += taken.get(part) ?? 0;
      expect(within).toBeLessThanOrEqual(100);
    }
  });
}

function describeSlots(subjectOf: () => ReservationSubject): void {
  it('of a slot are freed by their settlement, once', async () => {
    const { store, other } = subjectOf();
    const slot = newSlot(2);
    await reserve(store, [slot], { id: 'call-a' });
    await reserve(store, [slot], { id: 'call-b' });
    const full = await reserve(other, [slot]);
    expect(full).toMatchObject({ outcome: 'refused', retryAfterMs: 1_000 });
    const settlement = { kind: 'slot' as const, key: slot.key, id: 'call-a' };
    await other.settle([settlement, settlement], OPTIONS);
    expect((await reserve(store, [slot])).outcome).toBe('reserved');
    expect((await reserve(store, [slot])).outcome).toBe('refused');
  });

  it('of a slot end with the lease of whoever died', async () => {
    const { store, other } = subjectOf();
    const slot = newSlot(1);
    await reserve(store, [slot], { leaseMs: BLINK_MS });
    await vi.waitFor(async () => {
      expect((await reserve(other, [slot])).outcome).toBe('reserved');
    }, WAIT);
  });

  it('of a slot last while they are renewed, and a lost one is taken again', async () => {
    const { store, other } = subjectOf();
    const slot = newSlot(1);
    await reserve(store, [slot], { id: 'call-a', leaseMs: BLINK_MS });
    const lease = { kind: 'slot' as const, key: slot.key, id: 'call-a', mark: 0 };
    await store.renew([lease], { ...OPTIONS, leaseMs: LEASE_MS });
    const short = newSlot(1);
    await reserve(store, [short], { leaseMs: BLINK_MS });
    await vi.waitFor(async () => {
      expect((await reserve(other, [short])).outcome).toBe('reserved');
    }, WAIT);
    expect((await reserve(other, [slot])).outcome).toBe('refused');
    const lost = { ...lease, key: newKey() };
    await store.renew([lost], { ...OPTIONS, leaseMs: LEASE_MS });
    expect((await reserve(other, [{ ...slot, key: lost.key }])).outcome).toBe('refused');
  });
}

function describeMoney(subjectOf: () => ReservationSubject): void {
  const known = async (money: MoneyReservation, spent = 0) => {
    const { store } = subjectOf();
    await store.raiseSpent([{ key: money.key, spent, ttlMs: money.ttlMs }], OPTIONS);
    return money;
  };
  const settlementOf = (money: MoneyReservation, answer: ReserveAnswer, spent: number) => {
    return { kind: 'money' as const, key: money.key, mark: markOf(answer), spent };
  };

  it('of money ask for what was spent, and take nothing until it is known', async () => {
    const { store, other } = subjectOf();
    const [money, rate] = [newMoney(), newRate()];
    const unknown = await reserve(store, [rate, money]);
    expect(unknown).toEqual({ outcome: 'spending_unknown', keys: [money.key] });
    expect(await probe(store, rate)).toBe(10);
    await known(money, 700);
    expect(remainingOf(await reserve(other, [rate, money]))).toEqual([9, 200]);
  });

  it('of money stop at what is spent and held; the last one alone may go beyond', async () => {
    const { store } = subjectOf();
    const money = await known(newMoney({ limit: 250 }));
    const first = await reserve(store, [money], { id: 'call-a' });
    const second = await reserve(store, [money], { id: 'call-b' });
    expect(remainingOf(second)).toEqual([50]);
    expect(await reserve(store, [money])).toMatchObject({
      outcome: 'refused',
      retryAfterMs: 1_000,
    });
    const settlements = [
      { ...settlementOf(money, first, 100), id: 'call-a' },
      { ...settlementOf(money, second, 100), id: 'call-b' },
    ];
    await store.settle(settlements, OPTIONS);
    const alone = await reserve(store, [money], { id: 'call-c' });
    expect(alone.outcome).toBe('reserved');
    await store.settle([{ ...settlementOf(money, alone, 120), id: 'call-c' }], OPTIONS);
    expect(await reserve(store, [money])).toMatchObject({
      outcome: 'refused',
      retryAfterMs: null,
    });
  });

  it('of money let ten of 200 at once pass when there is money for ten', async () => {
    const { store, other } = subjectOf();
    const money = await known(newMoney());
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) => reserve(n % 2 ? store : other, [money])),
    );
    expect(answers.filter(({ outcome }) => outcome === 'reserved')).toHaveLength(10);
  });

  it('of money hold what calls cost lately when the estimate is lower', async () => {
    const { store } = subjectOf();
    const money = await known(newMoney({ amount: 1 }));
    const first = await reserve(store, [money], { id: 'call-a' });
    expect(markOf(first)).toBe(1);
    await store.settle([{ ...settlementOf(money, first, 400), id: 'call-a' }], OPTIONS);
    const answers = [await reserve(store, [money]), await reserve(store, [money])];
    expect(answers.map(({ outcome }) => outcome)).toEqual(['reserved', 'refused']);
    expect(markOf(answers[0] as ReserveAnswer)).toBe(400);
  });

  it('of money are freed by failure, and by the end of their lease', async () => {
    const { store, other } = subjectOf();
    const money = await known(newMoney({ limit: 100 }));
    const failed = await reserve(store, [money], { id: 'call-a' });
    await store.settle([{ ...settlementOf(money, failed, 0), id: 'call-a' }], OPTIONS);
    await reserve(store, [money], { leaseMs: BLINK_MS });
    expect((await reserve(other, [money])).outcome).toBe('refused');
    await vi.waitFor(async () => {
      expect((await reserve(other, [money])).outcome).toBe('reserved');
    }, WAIT);
  });

  it('of money are held again by a renewal after the store forgot them', async () => {
    const { store } = subjectOf();
    const money = await known(newMoney({ limit: 100 }));
    const lease = { kind: 'money' as const, key: money.key, id: 'call-a', mark: 90 };
    await store.renew([lease], { ...OPTIONS, leaseMs: LEASE_MS });
    await store.renew([lease], { ...OPTIONS, leaseMs: LEASE_MS });
    expect(await reserve(store, [{ ...money, amount: 11 }])).toMatchObject({ outcome: 'refused' });
    expect(remainingOf(await reserve(store, [{ ...money, amount: 10 }]))).toEqual([0]);
  });

  it('of money learn of higher spending elsewhere, and never of a lower one', async () => {
    const money = await known(newMoney({ limit: 1_000_000_000_000_000 }), 600_000_000_000_000);
    await known(money, 300_000_000_000_000);
    const [remaining] = remainingOf(await reserve(subjectOf().store, [money]));
    expect(remaining).toBe(400_000_000_000_000 - 100);
  });
}
