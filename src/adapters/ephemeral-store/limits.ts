import type {
  Reservation,
  ReserveRequest,
  Settlement,
  Spending,
} from '../../ports/ephemeral-store.ts';

const KEY_BYTES_MAX = 128;

/** Throws a `RangeError` unless `key` is 1 to 128 bytes. */
export function assertEphemeralKey(key: string): void {
  const bytes = Buffer.byteLength(key);
  if (bytes < 1 || bytes > KEY_BYTES_MAX) {
    throw new RangeError(`a key has 1 to ${KEY_BYTES_MAX} bytes, this one ${bytes}`);
  }
}

/** Throws unless `amount` is a whole number: counters are integers in every adapter. */
export function assertAmount(amount: number): void {
  if (!Number.isSafeInteger(amount)) {
    throw new RangeError(`a counter grows by whole numbers, not by ${amount}`);
  }
}

/** Whole milliseconds, at least 1: Redis takes no others. Throws for a time that is no time. */
export function wholeTtlMs(ttlMs: number): number {
  if (!(ttlMs > 0) || !Number.isFinite(ttlMs)) {
    throw new RangeError(`a time to live is a positive number, not ${ttlMs}`);
  }
  return Math.ceil(ttlMs);
}

const RESERVATIONS_MAX = 64;

/** Throws unless the request can be kept by every adapter in the same way. */
export function assertReserveRequest(request: ReserveRequest): void {
  const { id, leaseMs, reservations } = request;
  assertEphemeralKey(id);
  wholeTtlMs(leaseMs);
  if (reservations.length > RESERVATIONS_MAX) {
    throw new RangeError(`a call has at most ${RESERVATIONS_MAX} reservations`);
  }
  for (const reservation of reservations) assertReservation(reservation);
}

function assertReservation(reservation: Reservation): void {
  assertEphemeralKey(reservation.key);
  assertCount(reservation.limit);
  if (reservation.kind !== 'slot') assertCount(reservation.amount);
  if (reservation.kind === 'rate') wholeTtlMs(reservation.windowMs);
  if (reservation.kind === 'money') wholeTtlMs(reservation.ttlMs);
}

/** Throws unless each settlement is one that every adapter keeps in the same way. */
export function assertSettlements(settlements: readonly Settlement[]): void {
  for (const settlement of settlements) {
    assertEphemeralKey(settlement.key);
    if (settlement.kind === 'rate') assertAmount(settlement.change);
    if (settlement.kind === 'money') assertCount(settlement.spent);
  }
}

/** Throws unless every spending is a whole number with a time to live. */
export function assertSpendings(spendings: readonly Spending[]): void {
  for (const { key, spent, ttlMs } of spendings) {
    assertEphemeralKey(key);
    assertCount(spent);
    wholeTtlMs(ttlMs);
  }
}

function assertCount(count: number): void {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new RangeError(`limits and amounts are whole numbers of at least 0, not ${count}`);
  }
}
