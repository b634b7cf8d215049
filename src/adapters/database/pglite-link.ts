import { Worker } from 'node:worker_threads';
import type { Log } from '../../lib/log.ts';
import {
  databaseErrorOf,
  lostError,
  overloadedError,
  statementTimeoutError,
} from './engine-errors.ts';
import type {
  CallResults,
  WorkerCall,
  WorkerMessage,
  WorkerOptions,
  WorkerRequest,
} from './pglite-protocol.ts';

export interface CallWait {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

interface PendingCall {
  readonly kind: WorkerCall['kind'];
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

const MAX_PENDING_CALLS = 10_000;
const STOP_TIMEOUT_MS = 60_000;

/** The calling side of the engine's thread: numbers calls, waits for their answers, notices the thread's death. */
export class PgliteLink {
  readonly serverVersion: number;
  readonly #worker: Worker;
  readonly #pending = new Map<number, PendingCall>();
  #nextId = 1;
  #death: Error | undefined;
  /** Set by the owner. */
  onNotification: (channel: string, payload: string) => void = () => undefined;

  private constructor(worker: Worker, serverVersion: number, log: Log) {
    this.#worker = worker;
    this.serverVersion = serverVersion;
    worker.on('message', (message: WorkerMessage) => this.#receive(message, log));
    worker.on('error', (error) => this.#die(error.message, log));
    worker.on('exit', (code) => this.#die(`its thread ended with code ${code}`, log));
  }

  /** Resolves when the database is open; rejects with the sentence of what is in the way. */
  static async start(options: WorkerOptions, log: Log): Promise<PgliteLink> {
    const worker = new Worker(new URL('./pglite-worker.ts', import.meta.url), {
      workerData: options,
      name: 'database',
    });
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const receive = (message: WorkerMessage) => {
      if (message.kind === 'ready') resolve(message.serverVersion);
      if (message.kind === 'fatal') reject(lostError(message.message));
    };
    const fail = (error: Error) => reject(lostError(error.message, error));
    const exit = (code: number) => reject(lostError(`its thread ended with code ${code}`));
    worker.on('message', receive).on('error', fail).on('exit', exit);
    const serverVersion = await promise;
    worker.off('message', receive).off('error', fail).off('exit', exit);
    return new PgliteLink(worker, serverVersion, log);
  }

  /** Calls that wait for their turn or run. */
  pendingCount(kinds: ReadonlySet<WorkerCall['kind']>): number {
    let count = 0;
    for (const call of this.#pending.values()) if (kinds.has(call.kind)) count += 1;
    return count;
  }

  call<Kind extends WorkerCall['kind']>(
    call: WorkerCall & { kind: Kind },
    wait: CallWait,
  ): Promise<CallResults[Kind]> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    if (wait.signal?.aborted) return Promise.reject(wait.signal.reason);
    if (this.#pending.size >= MAX_PENDING_CALLS)
      return Promise.reject(overloadedError(this.#pending.size));
    const id = this.#nextId++;
    const answer = this.#answerOf(id, call.kind, wait);
    this.#post({ id, call });
    return answer as Promise<CallResults[Kind]>;
  }

  /** Closes the database and ends the thread; a dead one counts as closed. */
  async stop(): Promise<void> {
    if (this.#death === undefined)
      await this.call({ kind: 'close' }, { timeoutMs: STOP_TIMEOUT_MS });
    this.#death ??= lostError('the thread of the embedded database was stopped');
    await this.#worker.terminate();
  }

  #answerOf(id: number, kind: WorkerCall['kind'], wait: CallWait): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const settle = () => {
      clearTimeout(timer);
      wait.signal?.removeEventListener('abort', abort);
      this.#pending.delete(id);
    };
    const giveUp = (reason: unknown) => {
      settle();
      this.#post({ cancelId: id });
      reject(reason);
    };
    const abort = () => giveUp(wait.signal?.reason);
    const timer = setTimeout(() => giveUp(statementTimeoutError(wait.timeoutMs)), wait.timeoutMs);
    wait.signal?.addEventListener('abort', abort, { once: true });
    this.#pending.set(id, {
      kind,
      resolve: (value) => {
        settle();
        resolve(value);
      },
      reject: (error) => {
        settle();
        reject(error);
      },
    });
    return promise;
  }

  #post(request: WorkerRequest): void {
    this.#worker.postMessage(request);
  }

  #receive(message: WorkerMessage, log: Log): void {
    switch (message.kind) {
      case 'result':
        return this.#pending.get(message.id)?.resolve(message.value);
      case 'failure':
        return this.#pending.get(message.id)?.reject(databaseErrorOf(message.failure));
      case 'notification':
        return this.onNotification(message.channel, message.payload);
      case 'log':
        return log[message.level](message.fields, message.message);
      case 'fatal':
        return this.#die(message.message, log);
      case 'ready':
        return undefined;
    }
  }

  #die(reason: string, log: Log): void {
    if (this.#death !== undefined) return;
    this.#death = lostError(`the embedded database stopped: ${reason}`);
    log.error({ reason }, 'the embedded database stopped; restart the process');
    for (const call of [...this.#pending.values()]) call.reject(this.#death);
  }
}
