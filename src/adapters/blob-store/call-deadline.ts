import type { BlobOptions } from '../../ports/blob-store.ts';

export interface CallDeadline {
  /** Aborts with a `TimeoutError`, or with the reason of the call's own signal. */
  readonly signal: AbortSignal;
  /** The call is over: neither time nor the call's signal abort `signal` any more. */
  end(): void;
}

/** One signal for a call's time and its caller's wish. Always `end()` it, or its timer outlives the call. */
export function startCallDeadline(options: BlobOptions): CallDeadline {
  const controller = new AbortController();
  const { timeoutMs, signal } = options;
  const timer = setTimeout(() => {
    const message = `the blob store did not answer within ${timeoutMs} ms`;
    controller.abort(new DOMException(message, 'TimeoutError'));
  }, timeoutMs);
  const follow = () => controller.abort(signal?.reason);
  if (signal?.aborted) follow();
  signal?.addEventListener('abort', follow, { once: true });
  return {
    signal: controller.signal,
    end: () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', follow);
    },
  };
}

/** Runs `work` under the call's deadline and answers an abort with its reason, whatever error it surfaced as. */
export async function withCallDeadline<T>(
  options: BlobOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = startCallDeadline(options);
  try {
    deadline.signal.throwIfAborted();
    return await work(deadline.signal);
  } catch (error) {
    throw deadline.signal.aborted ? deadline.signal.reason : error;
  } finally {
    deadline.end();
  }
}
