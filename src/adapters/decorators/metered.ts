import { performance } from 'node:perf_hooks';
import type { Metrics } from '../../lib/metrics.ts';
import { BlobNotFoundError, type BlobStore } from '../../ports/blob-store.ts';
import { type Database, DatabaseError } from '../../ports/database.ts';
import type { EphemeralStore } from '../../ports/ephemeral-store.ts';
import type { VectorIndex } from '../../ports/vector-index.ts';
import { aroundCalls, type Call } from './around-calls.ts';
import {
  BLOB_OPERATIONS,
  DATABASE_OPERATIONS,
  EPHEMERAL_OPERATIONS,
  VECTOR_OPERATIONS,
} from './operations.ts';

/** Times every call; a `get` until its first byte. A missing blob and a wrong argument are answers, not errors. */
export function meteredBlobStore(store: BlobStore, metrics: Metrics): BlobStore {
  const isAnswer = (error: unknown) =>
    error instanceof BlobNotFoundError || error instanceof RangeError;
  return metered('blob', store, BLOB_OPERATIONS, { metrics, isAnswer });
}

/** Times every call. */
export function meteredVectorIndex(index: VectorIndex, metrics: Metrics): VectorIndex {
  const isAnswer = (error: unknown) => error instanceof RangeError;
  return metered('vector', index, VECTOR_OPERATIONS, { metrics, isAnswer });
}

/** Times every call. */
export function meteredEphemeralStore(store: EphemeralStore, metrics: Metrics): EphemeralStore {
  const isAnswer = (error: unknown) => error instanceof RangeError;
  return metered('ephemeral', store, EPHEMERAL_OPERATIONS, { metrics, isAnswer });
}

/** Times every call; statements of a transaction within it. A violated constraint is an answer. */
export function meteredDatabase(database: Database, metrics: Metrics): Database {
  // What a transaction's own work throws says nothing about the database.
  const isAnswer = (error: unknown) =>
    !(error instanceof DatabaseError) || error.constraint !== undefined;
  const observed = { metrics, isAnswer };
  const forProject = (projectId: string) =>
    metered('database', database.forProject(projectId), DATABASE_OPERATIONS, observed);
  return metered('database', database, DATABASE_OPERATIONS, observed, { forProject });
}

function metered<Port extends object>(
  store: string,
  port: Port,
  operations: readonly (keyof Port & string)[],
  { metrics, isAnswer }: { metrics: Metrics; isAnswer: (error: unknown) => boolean },
  replaced: Partial<Port> = {},
): Port {
  const observed = async ({ operation, options, proceed }: Call) => {
    const startedMs = performance.now();
    const observe = (outcome: 'ok' | 'error') => {
      const seconds = (performance.now() - startedMs) / 1000;
      metrics.storeDuration.observe({ store, operation, outcome }, seconds);
    };
    try {
      const result = await proceed();
      observe('ok');
      return result;
    } catch (error) {
      // A caller that hung up is no failure of the store.
      observe(isAnswer(error) || options.signal?.aborted ? 'ok' : 'error');
      throw error;
    }
  };
  return aroundCalls(port, operations, observed, replaced);
}
