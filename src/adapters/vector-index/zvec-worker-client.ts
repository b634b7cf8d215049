import type { Worker } from 'node:worker_threads';
import type { Log } from '../../lib/log.ts';
import {
  VectorIndexCorruptError,
  VectorIndexError,
  type VectorIndexOptions,
} from '../../ports/vector-index.ts';
import { withDeadline } from './deadline.ts';
import type { FromZvecWorker, ToZvecWorker, ZvecAnswer, ZvecCall } from './zvec-protocol.ts';

/** Calls that may wait for the worker; beyond it a caller is told to come back. */
const PENDING_MAX = 1000;

type Pending = PromiseWithResolvers<ZvecAnswer>;

/** Calls into the worker thread, matched by number. */
export class ZvecWorkerClient {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  #lastId = 0;
  #stopped: VectorIndexError | undefined;

  constructor(worker: Worker, log: Log) {
    this.#worker = worker;
    worker.on('message', (message: FromZvecWorker) => {
      if ('level' in message) log[message.level](message.fields, message.message);
      else this.#settle(message);
    });
    worker.on('error', (cause) => {
      log.error({ err: cause }, 'the vector index thread failed');
      this.#stop(new VectorIndexError('unavailable', 'the vector index thread failed', { cause }));
    });
    this.#exited = new Promise((resolve) => {
      worker.on('exit', () => {
        this.#stop(new VectorIndexError('unavailable', 'the vector index thread has ended'));
        resolve();
      });
    });
  }

  async call(
    call: ZvecCall,
    options: VectorIndexOptions,
    transfer: ArrayBuffer[] = [],
  ): Promise<ZvecAnswer> {
    options.signal?.throwIfAborted();
    if (this.#stopped !== undefined) throw this.#stopped;
    if (this.#pending.size >= PENDING_MAX)
      throw new VectorIndexError('overloaded', `${PENDING_MAX} calls wait for the vector index`);
    const id = ++this.#lastId;
    const pending = Promise.withResolvers<ZvecAnswer>();
    this.#pending.set(id, pending);
    this.#worker.postMessage({ id, call } satisfies ToZvecWorker, transfer);
    return withDeadline(pending.promise, options, `${call.method} in the vector index`, () => {
      this.#worker.postMessage({ id, cancel: true } satisfies ToZvecWorker);
    });
  }

  /** Idempotent. After `timeoutMs` the thread is ended as a crash would end it: acknowledged rows stay. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#stopped?.code === 'closed') return this.#exited;
    if (this.#stopped === undefined) {
      const closing = this.call({ method: 'close' }, { timeoutMs });
      this.#stopped = new VectorIndexError('closed', 'the vector index is closed');
      await closing.catch(() => undefined);
    }
    await this.#worker.terminate();
    this.#stop(new VectorIndexError('closed', 'the vector index is closed'));
  }

  // An abandoned call still counts as pending until the worker has answered: that is what bounds its queue.
  #settle(message: Exclude<FromZvecWorker, { level: unknown }>): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if ('answer' in message) pending?.resolve(message.answer);
    else pending?.reject(toError(message.error));
  }

  #stop(reason: VectorIndexError): void {
    this.#stopped ??= reason;
    for (const pending of this.#pending.values()) pending.reject(reason);
    this.#pending.clear();
  }
}

function toError(error: Extract<FromZvecWorker, { error: unknown }>['error']): VectorIndexError {
  if (error.code === 'collection_corrupt' && error.collection !== undefined)
    return new VectorIndexCorruptError(error.collection, { cause: error.message });
  return new VectorIndexError(error.code, error.message, { collection: error.collection });
}
