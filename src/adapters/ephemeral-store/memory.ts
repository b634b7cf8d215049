import { LRUCache } from 'lru-cache';
import type { Log } from '../../lib/log.ts';
import type {
  EphemeralOptions,
  EphemeralStore,
  HeldLease,
  ReserveAnswer,
  ReserveRequest,
  Settlement,
  Spending,
} from '../../ports/ephemeral-store.ts';
import { assertAmount, assertEphemeralKey, wholeTtlMs } from './limits.ts';
import { MemoryReservations } from './memory-reservations.ts';
import { Subscriptions } from './subscriptions.ts';

const VALUES_BYTES_MAX = 64 * 1024 * 1024;
const COUNTERS_MAX = 100_000;
const LEASES_MAX = 10_000;
// What an entry costs beside its value, so that many tiny values are bounded too.
const ENTRY_OVERHEAD_BYTES = 200;

export interface MemoryEphemeralStoreOptions {
  readonly log: Log;
  /** Memory for values; the least recently used ones are forgotten beyond it. Default 64 MiB. */
  readonly valuesBytesMax?: number;
  /** The time that rates and leases of reservations go by. Default: the wall clock. */
  readonly nowMs?: () => number;
}

export function createMemoryEphemeralStore(
  options: MemoryEphemeralStoreOptions,
): MemoryEphemeralStore {
  return new MemoryEphemeralStore(options);
}

/** For one process. Values, counters and leases are kept apart, so that many values cannot push out a lease. */
export class MemoryEphemeralStore implements EphemeralStore {
  readonly #values: LRUCache<string, Uint8Array>;
  readonly #counters = new LRUCache<string, { value: number }>({ max: COUNTERS_MAX });
  readonly #leases = new LRUCache<string, string>({ max: LEASES_MAX });
  readonly #reservations: MemoryReservations;
  readonly #subscriptions: Subscriptions;

  constructor(options: MemoryEphemeralStoreOptions) {
    const { log, valuesBytesMax = VALUES_BYTES_MAX, nowMs = Date.now } = options;
    this.#reservations = new MemoryReservations(nowMs);
    this.#subscriptions = new Subscriptions(log);
    this.#values = new LRUCache({
      maxSize: valuesBytesMax,
      sizeCalculation: (value, key) => value.byteLength + key.length + ENTRY_OVERHEAD_BYTES,
    });
  }

  async get(key: string, options: EphemeralOptions): Promise<Uint8Array | undefined> {
    assertCall(key, options);
    const value = this.#values.get(key);
    return value === undefined ? undefined : new Uint8Array(value);
  }

  async set(
    key: string,
    value: Uint8Array,
    options: EphemeralOptions & { ttlMs: number },
  ): Promise<void> {
    assertCall(key, options);
    // Not slice(): a Buffer's slice shares its memory.
    this.#values.set(key, new Uint8Array(value), { ttl: wholeTtlMs(options.ttlMs) });
  }

  async delete(key: string, options: EphemeralOptions): Promise<void> {
    assertCall(key, options);
    this.#values.delete(key);
    this.#counters.delete(key);
  }

  async increment(
    key: string,
    amount: number,
    options: EphemeralOptions & { ttlMs: number },
  ): Promise<number> {
    assertCall(key, options);
    assertAmount(amount);
    const counter = this.#counters.get(key);
    if (counter !== undefined) {
      counter.value += amount;
      return counter.value;
    }
    this.#counters.set(key, { value: amount }, { ttl: wholeTtlMs(options.ttlMs) });
    return amount;
  }

  async acquireLease(
    key: string,
    owner: string,
    options: EphemeralOptions & { ttlMs: number },
  ): Promise<boolean> {
    assertCall(key, options);
    const holder = this.#leases.get(key);
    if (holder !== undefined && holder !== owner) return false;
    this.#leases.set(key, owner, { ttl: wholeTtlMs(options.ttlMs) });
    return true;
  }

  async releaseLease(key: string, owner: string, options: EphemeralOptions): Promise<void> {
    assertCall(key, options);
    if (this.#leases.get(key) === owner) this.#leases.delete(key);
  }

  async reserve(request: ReserveRequest, options: EphemeralOptions): Promise<ReserveAnswer> {
    options.signal?.throwIfAborted();
    return this.#reservations.reserve(request);
  }

  async renew(
    leases: readonly HeldLease[],
    options: EphemeralOptions & { leaseMs: number },
  ): Promise<void> {
    options.signal?.throwIfAborted();
    this.#reservations.renew(leases, wholeTtlMs(options.leaseMs));
  }

  async settle(settlements: readonly Settlement[], options: EphemeralOptions): Promise<void> {
    options.signal?.throwIfAborted();
    this.#reservations.settle(settlements);
  }

  async raiseSpent(spendings: readonly Spending[], options: EphemeralOptions): Promise<void> {
    options.signal?.throwIfAborted();
    this.#reservations.raiseSpent(spendings);
  }

  async publish(channel: string, message: string, options: EphemeralOptions): Promise<void> {
    assertCall(channel, options);
    // Later, as from a server: a publisher must not run inside its subscribers.
    setImmediate(() => this.#subscriptions.deliver(channel, message));
  }

  async subscribe(
    channel: string,
    onMessage: (message: string) => void,
  ): Promise<() => Promise<void>> {
    assertEphemeralKey(channel);
    const remove = this.#subscriptions.add(channel, onMessage);
    return async () => {
      remove();
    };
  }

  async check(options: EphemeralOptions): Promise<void> {
    options.signal?.throwIfAborted();
  }

  async close(): Promise<void> {
    this.#subscriptions.clear();
    this.#values.clear();
    this.#counters.clear();
    this.#leases.clear();
    this.#reservations.clear();
  }
}

function assertCall(key: string, options: EphemeralOptions): void {
  assertEphemeralKey(key);
  options.signal?.throwIfAborted();
}
