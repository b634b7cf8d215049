/** Time and identity for domains: the only source of `now` and of new ids, so that tests can set both. */
export interface Clock {
  /** Wall-clock time. */
  now(): Date;
  /** Milliseconds from an arbitrary origin; never goes back. For durations only. */
  monotonicMs(): number;
  /** Resolves after `delayMs`; rejects with the signal's reason when it aborts first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
  /**
   * A new random id: `prefix` followed by 24 lower-case base-36 characters (about 124 bits), for example
   * `newId('vs_')` or `newId('file-')`.
   */
  newId(prefix: string): string;
}
