import type { Log } from '../../../lib/log.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { EphemeralStore, Settlement } from '../../../ports/ephemeral-store.ts';

const TIMEOUT_MS = 1_000;
const BATCH_MAX = 200;
const WAITING_MAX = 20_000;
// Long enough that busy instances settle many calls at once, too short for anyone to wait for a slot.
const GATHER_MS = 2;

/**
 * Settles behind the calls: in their order, one round trip at a time, many settlements in one when they gather. What
 * cannot be settled is dropped: leases end by themselves, and what was spent is read from SQL.
 */
export class SettlementQueue {
  readonly #store: EphemeralStore;
  readonly #clock: Clock;
  readonly #log: Log;
  #waiting: Settlement[] = [];
  #gathering = false;
  #sending: Promise<void> | undefined;
  #dropped = 0;

  constructor(store: EphemeralStore, { clock, log }: { clock: Clock; log: Log }) {
    this.#store = store;
    this.#clock = clock;
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
    if (!this.#gathering) void this.#sendSoon();
  }

  /** Sends what waits ahead of a command that follows in the same turn, so that both travel together. */
  send(): void {
    if (this.#waiting.length === 0 || this.#sending !== undefined) return;
    this.#sending = this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  /** Resolves when nothing waits any more. */
  async flush(): Promise<void> {
    while (this.#waiting.length > 0 || this.#sending !== undefined) {
      this.send();
      await this.#sending;
    }
  }

  async #sendSoon(): Promise<void> {
    this.#gathering = true;
    await this.#clock.sleep(GATHER_MS);
    this.#gathering = false;
    this.send();
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH_MAX);
      try {
        await this.#store.settle(batch, { timeoutMs: TIMEOUT_MS });
      } catch (error) {
        this.#drop(batch.length, error);
      }
    }
  }

  // The store tells its own outages; one line for the first of them is enough here.
  #drop(count: number, error: unknown): void {
    if (this.#dropped === 0) {
      this.#log.warn({ error, count }, 'settlements are dropped; counters correct themselves');
    }
    this.#dropped += count;
  }
}
