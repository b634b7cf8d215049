import type { CounterState, Reservation } from '../../../ports/ephemeral-store.ts';
import { Advance, type AdvanceOffice, type LatelyCost } from './advance.ts';
import type { Holding } from './holding.ts';
import { IdleSlots } from './idle-slots.ts';
import { type PlannedReservation, settlementsOf } from './plan-reservations.ts';

// An instance holds at most this part of a limit that its calls do not use yet, and for at most this long.
const PART = 0.005;
const ADVANCE_MS = 500;
// A limit that allows only a few more calls than this at once is asked for each of them.
const CALLS_MIN = 8;
const BUDGETS_MAX = 10_000;

export interface AdvancesOptions extends AdvanceOffice {
  /** The store keeps what is reserved under that id for as long as this instance lives. */
  hold(id: string, planned: PlannedReservation, counter: CounterState): void;
  monotonicMs(): number;
}

/**
 * Parts of large limits, reserved ahead: a busy instance asks the store a few times a second instead of for each call.
 * What it holds and does not use is at most half a percent of a limit, for half a second; small limits are never
 * reserved ahead, so they are exact.
 */
export class Advances {
  readonly #options: AdvancesOptions;
  readonly #advances = new Map<string, Advance>();
  readonly #slots = new Map<string, IdleSlots>();
  readonly #lately = new Map<string, LatelyCost>();
  readonly #refilling = new Set<string>();

  constructor(options: AdvancesOptions) {
    this.#options = options;
  }

  /** What the call needs of this limit, when it is here already. */
  take(callId: string, planned: PlannedReservation): Holding | undefined {
    const { kind, key } = planned.reservation;
    if (kind === 'slot') return this.#takeSlot(planned);
    const advance = this.#advances.get(key);
    if (advance === undefined) return undefined;
    const holding = advance.isCurrent(planned, this.#options.monotonicMs())
      ? advance.take(callId, planned)
      : undefined;
    if (holding === undefined) this.#close(key, advance);
    return holding;
  }

  /** What to reserve in the store for a call that needs `planned`: more, when the limit is large. */
  enlarged(planned: PlannedReservation): PlannedReservation {
    const { limit, reservation } = planned;
    if (reservation.kind === 'slot') return planned;
    const amount = Math.floor(limit.amount * PART);
    const needed = this.#neededBy(planned);
    if (needed === undefined || amount < CALLS_MIN * Math.max(1, needed)) return planned;
    // Many calls may find nothing here at once; one of them fetches for those that come after.
    if (this.#refilling.has(reservation.key)) return planned;
    this.#refilling.add(reservation.key);
    return { limit, reservation: { ...reservation, amount }, window: planned.window };
  }

  /** The enlarged reservation of `planned` was answered. */
  endRefill(planned: PlannedReservation): void {
    this.#refilling.delete(planned.reservation.key);
  }

  /** Takes the call's part of what was reserved under `id`, and keeps the rest for others. */
  divide(
    id: string,
    reserved: { planned: PlannedReservation; enlarged: PlannedReservation; counter: CounterState },
  ): Holding {
    const { planned, enlarged, counter } = reserved;
    if (enlarged === planned) return this.single(id, planned, counter);
    const expiresAtMs = this.#options.monotonicMs() + ADVANCE_MS;
    const { key } = planned.reservation;
    const lately = this.#latelyOf(key);
    lately.isFresh = false;
    const taken = { id, reserved: enlarged, counter, expiresAtMs, lately };
    const advance = new Advance(this.#options, taken);
    this.#options.hold(id, enlarged, counter);
    const before = this.#advances.get(key);
    if (before !== undefined) this.#close(key, before);
    this.#advances.set(key, advance);
    return advance.takeFirst(`${id}+`, planned);
  }

  /** Reserved for the call alone. */
  single(id: string, planned: PlannedReservation, counter: CounterState): Holding {
    const { settle, release, hold } = this.#options;
    hold(id, planned, counter);
    if (planned.reservation.kind === 'money') this.#learn(planned.reservation.key, counter.mark);
    if (planned.reservation.kind === 'slot') return this.#slotHolding({ id, counter }, planned);
    const over = (actual: Parameters<Holding['end']>[0]) => {
      release({ id, key: planned.reservation.key });
      settle(settlementsOf(id, [planned], [counter], actual));
    };
    return { counter, end: over, undo: () => over(undefined) };
  }

  /** Gives back what is too old. */
  sweep(): void {
    const nowMs = this.#options.monotonicMs();
    for (const [key, advance] of this.#advances) {
      if (advance.isExpired(nowMs)) this.#close(key, advance);
    }
    for (const [key, slots] of this.#slots) this.#giveBack(key, slots, nowMs - ADVANCE_MS);
  }

  /** Gives back everything. */
  close(): void {
    for (const [key, advance] of this.#advances) this.#close(key, advance);
    for (const [key, slots] of this.#slots) this.#giveBack(key, slots, Number.POSITIVE_INFINITY);
  }

  #close(key: string, advance: Advance): void {
    this.#advances.delete(key);
    advance.close();
  }

  #takeSlot(planned: PlannedReservation): Holding | undefined {
    const slot = this.#slots.get(planned.reservation.key)?.take();
    return slot && this.#slotHolding(slot, planned);
  }

  #slotHolding(slot: { id: string; counter: CounterState }, planned: PlannedReservation): Holding {
    const { id, counter } = slot;
    const end = () => {
      const { limit, reservation } = planned;
      const max = Math.floor(limit.amount * PART);
      const sinceMs = this.#options.monotonicMs();
      if (this.#slotsOf(reservation).keep({ id, counter, sinceMs }, max)) return;
      this.#endSlot(reservation.key, id);
    };
    return { counter, end, undo: end };
  }

  /** Undefined for a budget of which nobody has told lately what its calls cost. */
  #neededBy({ reservation }: PlannedReservation): number | undefined {
    if (reservation.kind === 'slot') return 1;
    if (reservation.kind === 'rate') return reservation.amount;
    const { micros, isFresh } = this.#latelyOf(reservation.key);
    return isFresh ? Math.max(reservation.amount, micros) : undefined;
  }

  /** A reservation for one call holds what such calls cost lately on any instance, so its answer says how much that is. */
  #learn(key: string, micros: number): void {
    const lately = this.#latelyOf(key);
    lately.micros = micros;
    lately.isFresh = true;
  }

  #latelyOf(key: string): LatelyCost {
    let lately = this.#lately.get(key);
    if (lately === undefined) {
      // Budgets of past days are no loss.
      if (this.#lately.size >= BUDGETS_MAX) this.#lately.clear();
      lately = { micros: 0, isFresh: false };
      this.#lately.set(key, lately);
    }
    return lately;
  }

  #slotsOf({ key }: Reservation): IdleSlots {
    let slots = this.#slots.get(key);
    if (slots === undefined) {
      slots = new IdleSlots();
      this.#slots.set(key, slots);
    }
    return slots;
  }

  #giveBack(key: string, slots: IdleSlots, sinceMs: number): void {
    for (const { id } of slots.takeOlderThan(sinceMs)) this.#endSlot(key, id);
  }

  #endSlot(key: string, id: string): void {
    this.#options.release({ id, key });
    this.#options.settle([{ kind: 'slot', key, id }]);
  }
}
