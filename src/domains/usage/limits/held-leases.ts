import type { Log } from '../../../lib/log.ts';
import type { EphemeralStore, HeldLease } from '../../../ports/ephemeral-store.ts';

const TIMEOUT_MS = 1_000;
const BATCH_MAX = 200;

/** Slots and money that this process holds now. */
export class HeldLeases {
  readonly #store: EphemeralStore;
  readonly #leaseMs: number;
  readonly #log: Log;
  readonly #leases = new Map<string, HeldLease>();

  constructor(store: EphemeralStore, options: { leaseMs: number; log: Log }) {
    this.#store = store;
    this.#leaseMs = options.leaseMs;
    this.#log = options.log;
  }

  hold(lease: HeldLease): void {
    this.#leases.set(nameOf(lease), lease);
  }

  release(lease: Pick<HeldLease, 'id' | 'key'>): void {
    this.#leases.delete(nameOf(lease));
  }

  /** Prolongs all of them. */
  async renew(): Promise<void> {
    const leases = [...this.#leases.values()];
    for (let start = 0; start < leases.length; start += BATCH_MAX) {
      const batch = leases
        .slice(start, start + BATCH_MAX)
        // What ended during the last batch must not be held again.
        .filter((lease) => this.#leases.has(nameOf(lease)));
      try {
        await this.#store.renew(batch, { timeoutMs: TIMEOUT_MS, leaseMs: this.#leaseMs });
      } catch (error) {
        this.#log.debug({ error }, 'leases could not be renewed');
        return;
      }
    }
  }
}

const nameOf = ({ id, key }: Pick<HeldLease, 'id' | 'key'>) => `${id} ${key}`;
