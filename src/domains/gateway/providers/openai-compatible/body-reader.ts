import type { Readable } from 'node:stream';

export interface BodyReader {
  next(): Promise<IteratorResult<Buffer, undefined>>;
  release(complete: boolean): void;
}

// How long the end of a finished answer may take before its connection is given up.
const DRAIN_MS = 1_000;

/** Reads a body chunk by chunk and can let its last bytes run out, so that the connection is used again. */
export function bodyReader(body: Readable): BodyReader {
  const chunks: AsyncIterator<Buffer, undefined> = body.iterator({ destroyOnReturn: false });
  return {
    next: () => chunks.next(),
    release: (complete) => {
      // Errors behind the last byte that mattered are nobody's concern any more.
      body.on('error', () => undefined);
      if (!complete) {
        body.destroy();
        return;
      }
      const timer = setTimeout(() => body.destroy(), DRAIN_MS);
      timer.unref();
      body.once('close', () => clearTimeout(timer));
      void chunks.return?.();
      body.resume();
    },
  };
}
