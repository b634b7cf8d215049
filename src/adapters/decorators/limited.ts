import { Readable } from 'node:stream';
import type { BlobStore } from '../../ports/blob-store.ts';
import type { VectorIndex } from '../../ports/vector-index.ts';
import { aroundCalls } from './around-calls.ts';
import { CallSlots, type SlotLimits } from './call-slots.ts';
import { BLOB_OPERATIONS, VECTOR_OPERATIONS } from './operations.ts';

/**
 * At most so many calls at once; a `get` counts until its first byte. `StoreBusyError` when too many wait. A put of a
 * stream does not count: it lasts as long as a client takes to send, and slow ones would keep everybody else out.
 */
export function limitedBlobStore(store: BlobStore, limits: SlotLimits): BlobStore {
  return limited('blob', store, BLOB_OPERATIONS, limits);
}

/** At most so many calls at once. `StoreBusyError` when too many wait. */
export function limitedVectorIndex(index: VectorIndex, limits: SlotLimits): VectorIndex {
  return limited('vector', index, VECTOR_OPERATIONS, limits);
}

function limited<Port extends object>(
  store: string,
  port: Port,
  operations: readonly (keyof Port & string)[],
  limits: SlotLimits,
): Port {
  const slots = new CallSlots(store, limits);
  return aroundCalls(port, operations, async ({ options, parameters, proceed }) => {
    if (parameters[1] instanceof Readable) return await proceed();
    const waitedMs = await slots.take(options);
    try {
      const { timeoutMs } = options;
      if (waitedMs === 0 || timeoutMs === undefined) return await proceed();
      // Waiting was part of the call's time.
      return await proceed({ timeoutMs: Math.max(1, timeoutMs - waitedMs) });
    } finally {
      slots.free();
    }
  });
}
