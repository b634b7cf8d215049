import { performance } from 'node:perf_hooks';
import type { CallOptions } from './around-calls.ts';
import { StoreBusyError } from './store-busy-error.ts';

export interface SlotLimits {
  readonly concurrentMax: number;
  /** Calls that may wait beside the running ones. */
  readonly waitingMax: number;
}

/** A bounded number of running calls and a bounded line of waiting ones, first come first served. */
export class CallSlots {
  readonly #store: string;
  readonly #limits: SlotLimits;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(store: string, limits: SlotLimits) {
    this.#store = store;
    this.#limits = limits;
  }

  /** Resolves with the milliseconds waited once the call may start; each one taken must be freed. */
  async take(options: CallOptions): Promise<number> {
    options.signal?.throwIfAborted();
    if (this.#running < this.#limits.concurrentMax) {
      this.#running += 1;
      return 0;
    }
    if (this.#waiting.size >= this.#limits.waitingMax) throw new StoreBusyError(this.#store);
    const startedMs = performance.now();
    await this.#wait(options);
    return performance.now() - startedMs;
  }

  /** Ends a call. Its slot goes to the one that waits longest, if there is one. */
  free(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#running -= 1;
    else next();
  }

  async #wait({ timeoutMs, signal }: CallOptions): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const begin = () => {
      this.#waiting.delete(begin);
      resolve();
    };
    const giveUp = (reason: unknown) => {
      this.#waiting.delete(begin);
      reject(reason);
    };
    const message = `no call of the ${this.#store} store could start within ${timeoutMs} ms`;
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => giveUp(new DOMException(message, 'TimeoutError')), timeoutMs);
    const onAbort = () => giveUp(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#waiting.add(begin);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }
}
