import { type ProbeOptions, StoreProbeError } from '../../ports/store-probe.ts';

/** Ends the wait, for clients that know no signal. */
export async function withinTime<T>(
  work: Promise<T>,
  { timeoutMs, signal }: ProbeOptions,
): Promise<T> {
  signal?.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new StoreProbeError('unreachable', `no answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  const abort = () => reject(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}
