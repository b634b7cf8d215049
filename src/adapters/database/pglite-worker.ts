import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { DatabaseError } from '../../ports/database.ts';
import { type EngineFailure, expiredError, sqlFailure } from './engine-errors.ts';
import { prepareCluster } from './pglite-cluster.ts';
import { PgliteEngine } from './pglite-engine.ts';
import { Housekeeping } from './pglite-housekeeping.ts';
import { Lease } from './pglite-lease.ts';
import { compileEngine } from './pglite-module.ts';
import type { WorkerCall, WorkerMessage, WorkerOptions, WorkerRequest } from './pglite-protocol.ts';
import { UnitQueue } from './unit-queue.ts';

// Housekeeping units are never cancelled and never answered.
const NO_CALL_ID = -1;

/** Owns the engine: takes calls from the port, runs them in order, answers each one. */
class EngineServer {
  readonly #port: MessagePort;
  readonly #engine: PgliteEngine;
  readonly #queue: UnitQueue;
  readonly #housekeeping: Housekeeping;
  #lease: Lease | undefined;

  constructor(port: MessagePort, engine: PgliteEngine) {
    this.#port = port;
    this.#engine = engine;
    this.#queue = new UnitQueue((error) => die(port, error));
    this.#housekeeping = new Housekeeping({
      engine,
      enqueue: (work) => this.#queue.enqueue(NO_CALL_ID, work),
      isIdle: () => this.#queue.idle,
      onError: (error, task) =>
        this.#post({
          kind: 'log',
          level: 'error',
          fields: { task, reason: String(error) },
          message: 'housekeeping of the embedded database failed',
        }),
    });
  }

  start(): void {
    this.#engine.onNotification((channel, payload) =>
      this.#post({ kind: 'notification', channel, payload }),
    );
    this.#housekeeping.start();
    this.#port.on('message', (request: WorkerRequest) => this.#receive(request));
    this.#post({ kind: 'ready', serverVersion: this.#engine.serverVersion });
  }

  #receive(request: WorkerRequest): void {
    if ('cancelId' in request) this.#cancel(request.cancelId);
    else this.#dispatch(request.id, request.call);
  }

  #dispatch(id: number, call: WorkerCall): void {
    switch (call.kind) {
      case 'execute':
        return this.#enqueue(id, () => this.#engine.runAlone(call.statement));
      case 'batch':
        return this.#enqueue(id, () => this.#engine.runBatch(call.statements));
      case 'begin':
        return this.#queue.enqueue(id, () => this.#runLease(id, call.leaseMs));
      case 'leased':
        return void this.#answer(id, async () => this.#leaseOf(call.leaseId).run(call.statement));
      case 'commit':
        return void this.#answer(id, () => this.#leaseOf(call.leaseId).commit());
      case 'rollback':
        return void this.#answer(id, () => this.#rollBack(call.leaseId));
      case 'close':
        return this.#enqueue(id, () => this.#close());
    }
  }

  #enqueue(id: number, work: () => Promise<unknown>): void {
    this.#queue.enqueue(id, async () => {
      await this.#answer(id, work);
      this.#housekeeping.noteWork();
    });
  }

  async #runLease(id: number, leaseMs: number): Promise<void> {
    await this.#answer(id, async () => {
      await this.#engine.begin();
      this.#lease = new Lease(this.#engine, id, leaseMs, () => this.#reportExpiry(leaseMs));
      return id;
    });
    await this.#lease?.ended;
    this.#lease = undefined;
    this.#housekeeping.noteWork();
  }

  #leaseOf(leaseId: number): Lease {
    if (this.#lease?.id !== leaseId) throw expiredError();
    return this.#lease;
  }

  async #rollBack(leaseId: number): Promise<void> {
    if (this.#lease?.id === leaseId) await this.#lease.rollback();
  }

  #cancel(id: number): void {
    // The sender has given up and expects no answer.
    if (!this.#queue.cancel(id)) this.#rollBack(id).catch((error) => die(this.#port, error));
  }

  async #close(): Promise<void> {
    this.#housekeeping.stop();
    await this.#engine.close();
  }

  async #answer(id: number, work: () => Promise<unknown>): Promise<void> {
    try {
      this.#post({ kind: 'result', id, value: await work() });
    } catch (error) {
      const failure = failureOf(error);
      if (failure === undefined) throw error;
      this.#post({ kind: 'failure', id, failure });
    }
  }

  #reportExpiry(leaseMs: number): void {
    this.#post({
      kind: 'log',
      level: 'warn',
      fields: { leaseMs },
      message: 'a transaction was rolled back because it was open too long',
    });
  }

  #post(message: WorkerMessage): void {
    this.#port.postMessage(message);
  }
}

function failureOf(error: unknown): EngineFailure | undefined {
  if (error instanceof DatabaseError) return { ...error, message: error.message, cause: undefined };
  // A value that does not convert (an int8 beyond 2^53) is the statement's fault; the session is fine.
  if (error instanceof RangeError) return { message: error.message };
  return sqlFailure(error);
}

// The engine throws objects of its own for errors of the file system: a number and nothing to read.
function textOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  const errno = (error as { errno?: unknown } | null)?.errno;
  return errno === undefined
    ? String(error)
    : `the file system refused the engine (errno ${errno})`;
}

/** Ends the thread without another answer: whatever the engine does from now on must not be believed. */
function die(port: MessagePort, error: unknown): never {
  const fatal: WorkerMessage = {
    kind: 'fatal',
    message: textOf(error),
  };
  port.postMessage(fatal);
  process.exit(1);
}

async function serve(port: MessagePort, options: WorkerOptions): Promise<void> {
  try {
    const module = await compileEngine();
    await prepareCluster(options.directory, options.templateDirectory, module);
    const engine = await PgliteEngine.open({
      directory: options.directory,
      module,
      onFailure: (error) => die(port, error),
    });
    new EngineServer(port, engine).start();
  } catch (error) {
    die(port, error);
  }
}

if (parentPort !== null) await serve(parentPort, workerData as WorkerOptions);
