import { BlobNotFoundError, type BlobStore } from '../../ports/blob-store.ts';
import type { Clock } from '../../ports/clock.ts';
import type { VectorIndex } from '../../ports/vector-index.ts';
import { aroundCalls, type Call } from './around-calls.ts';
import { BLOB_OPERATIONS, VECTOR_OPERATIONS } from './operations.ts';
import { StoreBusyError } from './store-busy-error.ts';

export interface RetryOptions {
  readonly clock: Clock;
  /** The first one included. Default 3. */
  readonly attemptsMax?: number;
  /** Doubles each time, with jitter. Default 100. */
  readonly delayMs?: number;
}

const ATTEMPTS_MAX = 3;
const DELAY_MS = 100;

/** Repeats what failed, within the call's own time. A put of a stream is not repeated: its source is used up. */
export function retryingBlobStore(store: BlobStore, options: RetryOptions): BlobStore {
  return aroundCalls(store, BLOB_OPERATIONS, (call) => {
    const isRepeatable = call.operation !== 'put' || call.parameters[1] instanceof Uint8Array;
    return isRepeatable ? repeat(call, options) : call.proceed();
  });
}

/** Repeats what failed, within the call's own time: by the port's promise every call may be made twice. */
export function retryingVectorIndex(index: VectorIndex, options: RetryOptions): VectorIndex {
  return aroundCalls(index, VECTOR_OPERATIONS, (call) => repeat(call, options));
}

async function repeat(call: Call, options: RetryOptions): Promise<unknown> {
  const { clock, attemptsMax = ATTEMPTS_MAX, delayMs = DELAY_MS } = options;
  const { timeoutMs = Number.POSITIVE_INFINITY, signal } = call.options;
  const endMs = clock.monotonicMs() + timeoutMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const isFirst = attempt === 1;
      return await call.proceed(
        isFirst ? undefined : { timeoutMs: Math.max(1, endMs - clock.monotonicMs()) },
      );
    } catch (error) {
      const waitMs = delayMs * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
      const hasTime = clock.monotonicMs() + waitMs < endMs;
      if (attempt >= attemptsMax || !hasTime || signal?.aborted || isFinal(error)) throw error;
      await clock.sleep(waitMs, signal);
    }
  }
}

/** Answers rather than failures, and a full queue, which trying again would only fill more. */
function isFinal(error: unknown): boolean {
  return (
    error instanceof BlobNotFoundError ||
    error instanceof StoreBusyError ||
    error instanceof RangeError ||
    error instanceof TypeError
  );
}
