import type { CounterState, Settlement } from '../../../ports/ephemeral-store.ts';
import type { ActualUsage, Holding } from './holding.ts';
import { type PlannedReservation, settlementsOf } from './plan-reservations.ts';

/** What an advance asks of its surroundings. */
export interface AdvanceOffice {
  settle(settlements: readonly Settlement[]): void;
  /** The store may forget what was reserved under that id; it is not renewed any more. */
  release(lease: { id: string; key: string }): void;
}

/** What calls of one budget cost lately: the next one is taken to cost as much. */
export interface LatelyCost {
  micros: number;
  /** The store said so since the last advance: calls of other instances are in it. */
  isFresh: boolean;
}

export interface TakenAdvance {
  /** Under this id and with this amount the store keeps it. */
  readonly id: string;
  readonly reserved: PlannedReservation;
  readonly counter: CounterState;
  readonly expiresAtMs: number;
  readonly lately: LatelyCost;
}

// As the store does for calls that it is asked for.
const DECAY = 0.95;

/** A part of a rate or a budget, reserved in one go for the calls of the next moment. */
export class Advance {
  readonly #office: AdvanceOffice;
  readonly #id: string;
  readonly #reserved: PlannedReservation;
  readonly #counter: CounterState;
  readonly #expiresAtMs: number;
  #available: number;
  readonly #lately: LatelyCost;
  #open = 0;
  #isClosed = false;

  constructor(office: AdvanceOffice, taken: TakenAdvance) {
    this.#office = office;
    this.#id = taken.id;
    this.#reserved = taken.reserved;
    this.#counter = taken.counter;
    this.#expiresAtMs = taken.expiresAtMs;
    this.#lately = taken.lately;
    const { reservation } = taken.reserved;
    this.#available = reservation.kind === 'slot' ? 0 : reservation.amount;
  }

  /** It belongs to the limit as it is now, and is not too old. */
  isCurrent({ limit }: PlannedReservation, nowMs: number): boolean {
    return this.#reserved.limit.amount === limit.amount && nowMs < this.#expiresAtMs;
  }

  isExpired(nowMs: number): boolean {
    return nowMs >= this.#expiresAtMs;
  }

  /** Undefined when there is not enough left. */
  take(callId: string, planned: PlannedReservation): Holding | undefined {
    return this.#amountOf(planned) > this.#available ? undefined : this.takeFirst(callId, planned);
  }

  /** For the call that it was reserved for, even if such calls cost more than the whole of it lately. */
  takeFirst(callId: string, planned: PlannedReservation): Holding {
    const amount = this.#amountOf(planned);
    this.#available -= amount;
    this.#open += 1;
    return {
      counter: { ...this.#counter, remaining: this.#counter.remaining + this.#available },
      end: (actual) => this.#end(callId, { planned, amount, actual }),
      undo: () => {
        this.#giveBack(planned, amount);
        this.#endOne();
      },
    };
  }

  #amountOf({ limit, reservation }: PlannedReservation): number {
    if (reservation.kind === 'slot') return 1;
    return limit.kind === 'money'
      ? Math.max(reservation.amount, this.#lately.micros)
      : reservation.amount;
  }

  /** What nobody took goes back to the store. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const rest = this.#available;
    this.#available = 0;
    const { reservation } = this.#reserved;
    if (reservation.kind === 'rate' && rest > 0) this.#changeRate(this.#reserved, -rest);
    this.#releaseWhenOver();
  }

  #end(
    callId: string,
    call: { planned: PlannedReservation; amount: number; actual: ActualUsage | undefined },
  ): void {
    const { planned, amount, actual } = call;
    if (planned.limit.kind === 'money') {
      const spent = Math.ceil(actual?.costMicros ?? 0);
      // Counted as spent while the advance still holds it: for a moment too much, never too little.
      const settled = { ...planned, reservation: { ...planned.reservation, amount: 0 } };
      if (spent > 0) this.#office.settle(settlementsOf(callId, [settled], [], actual));
      const { micros } = this.#lately;
      this.#lately.micros = Math.max(Math.floor(micros * DECAY), spent);
      this.#giveBack(planned, amount - spent);
    } else if (planned.limit.kind === 'tokens') {
      this.#giveBack(planned, amount - Math.ceil(actual?.tokens ?? 0));
    }
    this.#endOne();
  }

  /** A negative amount is what a call used beyond its estimate. */
  #giveBack(planned: PlannedReservation, amount: number): void {
    if (!this.#isClosed) this.#available += amount;
    else if (planned.reservation.kind === 'rate') this.#changeRate(planned, -amount);
  }

  #changeRate({ reservation }: PlannedReservation, change: number): void {
    if (reservation.kind !== 'rate' || change === 0) return;
    const { key, windowMs } = reservation;
    this.#office.settle([{ kind: 'rate', key, windowMs, mark: this.#counter.mark, change }]);
  }

  #endOne(): void {
    this.#open -= 1;
    this.#releaseWhenOver();
  }

  /** Money is held until the last call that it was for has told what it spent. */
  #releaseWhenOver(): void {
    if (!this.#isClosed || this.#open > 0) return;
    const { kind, key } = this.#reserved.reservation;
    if (kind !== 'money') return;
    const id = this.#id;
    this.#office.release({ id, key });
    this.#office.settle([{ kind: 'money', key, id, mark: this.#counter.mark, spent: 0 }]);
  }
}
