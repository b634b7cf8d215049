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
