import type { CounterState } from '../../../ports/ephemeral-store.ts';

export interface IdleSlot {
  readonly id: string;
  readonly counter: CounterState;
  readonly sinceMs: number;
}

/** Slots of one limit that calls gave back a moment ago: the next calls take them without asking the store. */
export class IdleSlots {
  /** Newest last. */
  readonly #slots: IdleSlot[] = [];

  take(): IdleSlot | undefined {
    return this.#slots.pop();
  }

  /** False when there are enough of them. */
  keep(slot: IdleSlot, max: number): boolean {
    if (this.#slots.length >= max) return false;
    this.#slots.push(slot);
    return true;
  }

  /** Takes out those that nobody needed since. */
  takeOlderThan(ms: number): IdleSlot[] {
    const fresh = this.#slots.findIndex(({ sinceMs }) => sinceMs > ms);
    return this.#slots.splice(0, fresh < 0 ? this.#slots.length : fresh);
  }
}
