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
  /**
   * Takes everything that `request` asks for, or nothing: no other call sees a part of it. A counter of money whose
   * spending is not known here is named instead; `raiseSpent` tells it, then the call is repeated.
   */
  reserve(request: ReserveRequest, options: EphemeralOptions): Promise<ReserveAnswer>;
  /** Prolongs leases of calls that still run; one that was lost meanwhile is taken again, whatever the limit. */
  renew(
    leases: readonly HeldLease[],
    options: EphemeralOptions & { leaseMs: number },
  ): Promise<void>;
  /** Ends reservations with what was really used. Each is settled once; unknown ones change nothing but spending. */
  settle(settlements: readonly Settlement[], options: EphemeralOptions): Promise<void>;
  /** Makes each counter of money know at least this spending; a higher one stays. */
  raiseSpent(spendings: readonly Spending[], options: EphemeralOptions): Promise<void>;
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

/**
 * Amount within any window of `windowMs`: never more than `limit`. An amount counts for up to 1 % longer than the
 * window.
 */
export interface RateReservation {
  readonly kind: 'rate';
  readonly key: string;
  readonly limit: number;
  readonly amount: number;
  readonly windowMs: number;
}

/** One of `limit` places, held by a lease. */
export interface SlotReservation {
  readonly kind: 'slot';
  readonly key: string;
  readonly limit: number;
}

/**
 * Money: what is spent and what running calls hold stays within `limit`. Held is the larger of `amount` and what calls
 * of this counter cost lately. A call that is alone may always begin while anything is left, so that a budget can be
 * used up. What a call holds is freed when its lease ends.
 */
export interface MoneyReservation {
  readonly kind: 'money';
  readonly key: string;
  readonly limit: number;
  readonly amount: number;
  /** The counter is forgotten this long after its last reservation. */
  readonly ttlMs: number;
}

export type Reservation = RateReservation | SlotReservation | MoneyReservation;

/** Limits and amounts are whole numbers of at least 0. */
export interface ReserveRequest {
  /** Unique; the leases carry it. */
  readonly id: string;
  /** Slots and held money are free again after this time unless they are renewed. */
  readonly leaseMs: number;
  /** At most 64, each with a key of its own. */
  readonly reservations: readonly Reservation[];
}

/** A counter after the call, in the order of the request. */
export interface CounterState {
  /** What is left, at least 0. */
  readonly remaining: number;
  /** Until the counter of a rate is as new; 0 for the others. */
  readonly resetMs: number;
  /** Given back when the reservation is renewed or settled. */
  readonly mark: number;
}

export type ReserveAnswer =
  | { readonly outcome: 'reserved'; readonly counters: readonly CounterState[] }
  | {
      readonly outcome: 'refused';
      /** Index of the reservation that has to wait longest. */
      readonly refused: number;
      /** Null when waiting does not help. */
      readonly retryAfterMs: number | null;
      readonly counters: readonly CounterState[];
    }
  | { readonly outcome: 'spending_unknown'; readonly keys: readonly string[] };

export interface HeldLease {
  readonly kind: 'slot' | 'money';
  readonly key: string;
  readonly id: string;
  readonly mark: number;
}

export type Settlement =
  | {
      readonly kind: 'rate';
      readonly key: string;
      readonly windowMs: number;
      readonly mark: number;
      /** Used less reserved. */
      readonly change: number;
    }
  | { readonly kind: 'slot'; readonly key: string; readonly id: string }
  | {
      readonly kind: 'money';
      readonly key: string;
      readonly id: string;
      readonly mark: number;
      readonly spent: number;
    };

export interface Spending {
  readonly key: string;
  readonly spent: number;
  readonly ttlMs: number;
}

/** The store could not be asked. Callers go on without it. */
export class EphemeralStoreUnavailableError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'EphemeralStoreUnavailableError';
  }
}
