import { rateWindow } from './rate-window.ts';

/** What a check found, and how long to wait when there is no room: null when no wait helps. */
export interface Checked {
  readonly remaining: number;
  readonly resetMs: number;
  readonly mark: number;
  /** Undefined when the reservation fits. */
  readonly refusal?: { readonly retryAfterMs: number | null };
}

/** Amounts within a window, kept by parts of it. */
export class MemoryRate {
  #total = 0;
  #newest = 0;
  /** By number of the part, oldest first. */
  readonly #amounts = new Map<number, number>();

  check(limit: number, amount: number, windowMs: number, nowMs: number): Checked {
    const { partMs, parts } = rateWindow(windowMs);
    const mark = Math.floor(nowMs / partMs);
    this.#forgetBefore(mark - parts);
    const remaining = limit - this.#total;
    const resetMs = this.#total > 0 ? (this.#newest + parts + 1) * partMs - nowMs : 0;
    const found = { remaining, resetMs, mark };
    if (amount <= remaining) return found;
    if (amount > limit) return { ...found, refusal: { retryAfterMs: null } };
    const freed = this.#partThatFrees(amount - remaining, mark);
    return { ...found, refusal: { retryAfterMs: (freed + parts + 1) * partMs - nowMs } };
  }

  take(amount: number, { remaining, mark, resetMs }: Checked, windowMs: number, nowMs: number) {
    if (amount === 0) return { remaining, resetMs, mark };
    this.#add(mark, amount);
    const { partMs, parts } = rateWindow(windowMs);
    return { remaining: remaining - amount, resetMs: (mark + parts + 1) * partMs - nowMs, mark };
  }

  settle(mark: number, change: number, windowMs: number, nowMs: number): void {
    const { partMs, parts } = rateWindow(windowMs);
    const current = Math.floor(nowMs / partMs);
    const reserved = mark >= current - parts ? this.#amounts.get(mark) : undefined;
    if (reserved !== undefined) this.#add(mark, Math.max(change, -reserved));
    else if (change > 0) this.#add(current, change);
  }

  #add(part: number, amount: number): void {
    this.#amounts.set(part, (this.#amounts.get(part) ?? 0) + amount);
    this.#total += amount;
    this.#newest = Math.max(this.#newest, part);
  }

  #forgetBefore(cutoff: number): void {
    for (const [part, amount] of this.#amounts) {
      if (part >= cutoff) return;
      this.#amounts.delete(part);
      this.#total -= amount;
    }
  }

  #partThatFrees(missing: number, current: number): number {
    let left = missing;
    for (const [part, amount] of this.#amounts) {
      left -= amount;
      if (left <= 0) return part;
    }
    return current;
  }
}
