import type { Checked } from './memory-rate.ts';

const BUSY_MS = 1_000;
// What one call cost says less about the next with every call in between.
const FADING = 0.95;

/** What a budget spent and what running calls hold of it. */
export class MemoryMoney {
  #spent: number;
  #held = 0;
  #lately = 0;
  readonly #leases = new Map<string, { amount: number; endsMs: number }>();

  constructor(spent: number) {
    this.#spent = spent;
  }

  raise(spent: number): void {
    this.#spent = Math.max(this.#spent, spent);
  }

  check(limit: number, amount: number, nowMs: number): Checked {
    for (const [id, lease] of this.#leases) if (lease.endsMs <= nowMs) this.#end(id);
    const mark = Math.max(amount, this.#lately);
    const remaining = limit - this.#spent - this.#held;
    const found = { remaining, resetMs: 0, mark };
    if (this.#spent >= limit) return { ...found, refusal: { retryAfterMs: null } };
    if (mark <= remaining || this.#leases.size === 0) return found;
    return { ...found, refusal: { retryAfterMs: BUSY_MS } };
  }

  hold(id: string, amount: number, endsMs: number): void {
    const lease = this.#leases.get(id);
    this.#held += amount - (lease?.amount ?? 0);
    this.#leases.set(id, { amount, endsMs });
  }

  settle(id: string, spent: number): void {
    this.#end(id);
    this.#spent += spent;
    this.#lately = Math.max(Math.floor(this.#lately * FADING), spent);
  }

  #end(id: string): void {
    this.#held -= this.#leases.get(id)?.amount ?? 0;
    this.#leases.delete(id);
  }
}
