import { VectorIndexError, type VectorIndexOptions } from '../../ports/vector-index.ts';

/**
 * Settles as `work` does, unless the time is over or the signal aborts first: then it rejects at once and calls
 * `abandon`, since neither engine can interrupt what it has begun.
 */
export function withDeadline<T>(
  work: Promise<T>,
  options: VectorIndexOptions,
  operation: string,
  abandon: () => void = () => undefined,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const giveUp = (reason: unknown) => {
    reject(reason);
    abandon();
  };
  const timer = setTimeout(() => {
    giveUp(
      new VectorIndexError('timeout', `${operation} took longer than ${options.timeoutMs} ms`),
    );
  }, options.timeoutMs);
  const onAbort = () => giveUp(options.signal?.reason);
  options.signal?.addEventListener('abort', onAbort, { once: true });
  if (options.signal?.aborted) onAbort();
  work.then(resolve, reject);
  return promise.finally(() => {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  });
}
