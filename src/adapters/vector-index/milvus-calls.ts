import { setTimeout as sleep } from 'node:timers/promises';
import type { MilvusClient } from '@zilliz/milvus2-sdk-node';
import { VectorIndexError, type VectorIndexOptions } from '../../ports/vector-index.ts';
import { withDeadline } from './deadline.ts';
import {
  failureInAnswer,
  failureInThrown,
  type MilvusFailure,
  toVectorIndexError,
} from './milvus-errors.ts';

const PENDING_MAX = 1000;
const LOAD_POLL_MS = 200;

/** What one operation of the port may still use of its time. */
export interface CallScope {
  readonly operation: string;
  readonly collection: string | undefined;
  /** For the gRPC deadline; throws when the time is over or the caller has gone. */
  remainingMs(): number;
  readonly signal: AbortSignal | undefined;
}

interface Attempt<T> {
  readonly answer?: T;
  readonly failure?: MilvusFailure;
  readonly thrown?: unknown;
}

/** Calls of the SDK with one way to fail, a bound, and a retry for collections that are still being loaded. */
export class MilvusCalls {
  readonly #client: MilvusClient;
  #pending = 0;
  #closed = false;

  constructor(client: MilvusClient) {
    this.#client = client;
  }

  /** Runs one operation of the port, which may be several requests, within its time. */
  async operation<T>(
    operation: string,
    collection: string | undefined,
    options: VectorIndexOptions,
    work: (client: MilvusClient, scope: CallScope) => Promise<T>,
  ): Promise<T> {
    options.signal?.throwIfAborted();
    if (this.#closed) throw new VectorIndexError('closed', 'the vector index is closed');
    if (this.#pending >= PENDING_MAX)
      throw new VectorIndexError('overloaded', `${PENDING_MAX} calls wait for Milvus`);
    const scope = callScope(operation, collection, options);
    this.#pending++;
    const running = work(this.#client, scope).finally(() => {
      this.#pending--;
    });
    return withDeadline(running, options, `${operation} in Milvus`);
  }

  /** One request: its answer, or an error of the port. */
  async request<T>(scope: CallScope, send: (timeoutMs: number) => Promise<T>): Promise<T> {
    return this.#answerOf(scope, await this.attempt(scope, send));
  }

  /** One request whose failure the caller judges. */
  async attempt<T>(scope: CallScope, send: (timeoutMs: number) => Promise<T>): Promise<Attempt<T>> {
    const timeoutMs = scope.remainingMs();
    try {
      const answer = await send(timeoutMs);
      return { answer, failure: failureInAnswer(answer) };
    } catch (thrown) {
      return { failure: failureInThrown(thrown), thrown };
    }
  }

  /** A request that needs a loaded collection: after a restart Milvus loads behind its answers. */
  async requestLoaded<T>(scope: CallScope, send: (timeoutMs: number) => Promise<T>): Promise<T> {
    for (;;) {
      const attempt = await this.attempt(scope, send);
      if (attempt.failure?.kind !== 'not_loaded') return this.#answerOf(scope, attempt);
      await this.load(scope);
      await sleep(LOAD_POLL_MS, undefined, { signal: scope.signal });
    }
  }

  async load(scope: CallScope): Promise<void> {
    const collection_name = scope.collection ?? '';
    await this.request(scope, (timeout) =>
      this.#client.loadCollectionAsync({ collection_name, timeout }),
    );
    for (;;) {
      const { progress } = await this.request(scope, (timeout) =>
        this.#client.getLoadingProgress({ collection_name, timeout }),
      );
      if (Number(progress) >= 100) return;
      await sleep(LOAD_POLL_MS, undefined, { signal: scope.signal });
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#client.closeConnection();
  }

  async #answerOf<T>(scope: CallScope, attempt: Attempt<T>): Promise<T> {
    const { answer, failure, thrown } = attempt;
    if (failure === undefined && answer !== undefined) return answer;
    const told: MilvusFailure = failure ?? {
      kind: 'other',
      reason: 'no answer',
      grpcCode: undefined,
    };
    const known = thrown instanceof TypeError ? await this.#explain(scope, told) : told;
    throw toVectorIndexError(known, scope.operation, scope.collection, thrown);
  }

  // The SDK dereferences the answer of describe without a look at its status.
  async #explain(scope: CallScope, failure: MilvusFailure): Promise<MilvusFailure> {
    const { collection } = scope;
    if (collection === undefined) return failure;
    const { answer } = await this.attempt(scope, (timeout) =>
      this.#client.hasCollection({ collection_name: collection, timeout }),
    );
    return answer?.value === false ? { ...failure, kind: 'missing' } : failure;
  }
}

function callScope(
  operation: string,
  collection: string | undefined,
  options: VectorIndexOptions,
): CallScope {
  const end = performance.now() + options.timeoutMs;
  return {
    operation,
    collection,
    signal: options.signal,
    remainingMs: () => {
      options.signal?.throwIfAborted();
      const remainingMs = Math.ceil(end - performance.now());
      if (remainingMs > 0) return remainingMs;
      throw new VectorIndexError(
        'timeout',
        `${operation} took longer than ${options.timeoutMs} ms`,
      );
    },
  };
}

/** For calls that have nothing to do where there is no collection. */
export async function unlessMissing(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof VectorIndexError && error.code === 'collection_missing')) throw error;
  }
}
