import type { Log } from '../../../lib/log.ts';
import type { EphemeralStore, Settlement } from '../../../ports/ephemeral-store.ts';

const TIMEOUT_MS = 1_000;
const BATCH_MAX = 200;
const WAITING_MAX = 20_000;

/**
 * Settles behind the calls: in their order, one round trip at a time, many settlements in one when they gather. What
 * cannot be settled is dropped: leases end by themselves, and what was spent is read from SQL.
 */
export class SettlementQueue {
  readonly #store: EphemeralStore;
  readonly #log: Log;
  #waiting: Settlement[] = [];
  #draining: Promise<void> | undefined;
  #dropped = 0;

  constructor(store: EphemeralStore, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** Settlements that were given up. */
  get dropped(): number {
    return this.#dropped;
  }

  push(settlements: readonly Settlement[]): void {
    if (settlements.length === 0) return;
    if (this.#waiting.length >= WAITING_MAX) {
      this.#drop(settlements.length, new Error('too many settlements wait'));
      return;
    }
    this.#waiting.push(...settlements);
    this.#draining ??= this.#drain();
  }

  /** Resolves when nothing waits any more. */
  async flush(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    // After the turn that pushed: what is settled together travels together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH_MAX);
      try {
        await this.#store.settle(batch, { timeoutMs: TIMEOUT_MS });
      } catch (error) {
        this.#drop(batch.length, error);
      }
    }
    this.#draining = undefined;
  }

  // The store tells its own outages; one line for the first of them is enough here.
  #drop(count: number, error: unknown): void {
    if (this.#dropped === 0) {
      this.#log.warn({ error, count }, 'settlements are dropped; counters correct themselves');
    }
    this.#dropped += count;
  }
}
