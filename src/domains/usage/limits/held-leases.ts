import type { Log } from '../../../lib/log.ts';
import type { EphemeralStore, HeldLease } from '../../../ports/ephemeral-store.ts';

const TIMEOUT_MS = 1_000;
const BATCH_MAX = 200;

/** Calls that run now and hold slots or money, by the id of their admission. */
export class HeldLeases {
  readonly #store: EphemeralStore;
  readonly #leaseMs: number;
  readonly #log: Log;
  readonly #leases = new Map<string, readonly HeldLease[]>();

  constructor(store: EphemeralStore, options: { leaseMs: number; log: Log }) {
    this.#store = store;
    this.#leaseMs = options.leaseMs;
    this.#log = options.log;
  }

  hold(id: string, leases: readonly HeldLease[]): void {
    if (leases.length > 0) this.#leases.set(id, leases);
  }

  release(id: string): void {
    this.#leases.delete(id);
  }

  /** Prolongs all of them. */
  async renew(): Promise<void> {
    const leases = [...this.#leases.values()].flat();
    for (let start = 0; start < leases.length; start += BATCH_MAX) {
      // Calls that ended during the last batch must not be held again.
      const batch = leases.slice(start, start + BATCH_MAX).filter(({ id }) => this.#leases.has(id));
      try {
        await this.#store.renew(batch, { timeoutMs: TIMEOUT_MS, leaseMs: this.#leaseMs });
      } catch (error) {
        this.#log.debug({ error }, 'leases could not be renewed');
        return;
      }
    }
  }
}
