/**
 * Cache, counters, leases and publish/subscribe. It may forget everything at any moment; nothing that must
 * survive belongs here. Keys are at most 128 bytes.
 */
export interface EphemeralStore {
  /** Value, or undefined when absent or expired. */
  get(key: string, options: EphemeralOptions): Promise<Uint8Array | undefined>;
  set(key: string, value: Uint8Array, options: EphemeralOptions & { ttlMs: number }): Promise<void>;
  delete(key: string, options: EphemeralOptions): Promise<void>;
  /** Adds `amount` and returns the new value; a new counter starts at 0 and lives `ttlMs` from its first increment. */
  increment(
    key: string,
    amount: number,
    options: EphemeralOptions & { ttlMs: number },
  ): Promise<number>;
  /** True when `owner` holds the lease for the next `ttlMs`: it was free, expired, or already its own (renewal). */
  acquireLease(
    key: string,
    owner: string,
    options: EphemeralOptions & { ttlMs: number },
  ): Promise<boolean>;
  /** Frees the lease when `owner` holds it; otherwise nothing. */
  releaseLease(key: string, owner: string, options: EphemeralOptions): Promise<void>;
  /** To every present subscriber of every process; at most once. */
  publish(channel: string, message: string, options: EphemeralOptions): Promise<void>;
  subscribe(channel: string, onMessage: (message: string) => void): Promise<() => Promise<void>>;
  check(options: EphemeralOptions): Promise<void>;
  close(): Promise<void>;
}

export interface EphemeralOptions {
  /** Usual value 50: a slow cache must never slow a request. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** The store could not be asked. Callers go on without it. */
export class EphemeralStoreUnavailableError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'EphemeralStoreUnavailableError';
  }
}
