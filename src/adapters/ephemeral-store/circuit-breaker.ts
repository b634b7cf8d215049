import { EphemeralStoreUnavailableError } from '../../ports/ephemeral-store.ts';

export interface CircuitBreakerOptions {
  /** Failures in a row that open the circuit. */
  readonly failuresMax: number;
  /** While it is open, calls fail at once; after this long a single call may try. */
  readonly coolDownMs: number;
  readonly monotonicMs: () => number;
}

/**
 * Keeps a slow or dead store from slowing every request: once it failed often enough, calls fail without being made,
 * and one probe at a time finds out whether it is back.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  #failures = 0;
  #closedAgainAtMs = 0;
  #probing = false;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** Runs `call` unless the circuit is open. Only an `EphemeralStoreUnavailableError` counts as a failure. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#failures < this.#options.failuresMax) return this.#observe(call);
    if (this.#probing || this.#options.monotonicMs() < this.#closedAgainAtMs) {
      throw new EphemeralStoreUnavailableError('the ephemeral store failed repeatedly; not asked');
    }
    this.#probing = true;
    try {
      return await this.#observe(call);
    } finally {
      this.#probing = false;
    }
  }

  /** The store was seen to answer by other means. */
  reset(): void {
    this.#failures = 0;
  }

  async #observe<T>(call: () => Promise<T>): Promise<T> {
    try {
      const result = await call();
      this.#failures = 0;
      return result;
    } catch (error) {
      if (error instanceof EphemeralStoreUnavailableError) {
        this.#failures += 1;
        this.#closedAgainAtMs = this.#options.monotonicMs() + this.#options.coolDownMs;
      }
      throw error;
    }
  }
}
