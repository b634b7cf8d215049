import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { ParseFailure } from '../text/parse-failure.ts';
import type { PreparedFile, PrepareTask } from '../text/prepare.ts';
import type { WorkerAnswer } from './parse-worker.ts';

export interface PreparerOptions {
  readonly threads: number;
  readonly memoryMb: number;
  readonly timeoutMs: number;
}

/**
 * Parses, cuts and tokenizes files in worker threads, one file a thread. A file that takes too long or too much
 * memory costs its thread, never the process. Threads start when they are first needed.
 */
export class WorkerThreadPreparer {
  readonly #options: PreparerOptions;
  readonly #idle: Worker[] = [];
  readonly #busy = new Set<Worker>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: PreparerOptions) {
    this.#options = options;
  }

  /** Chunks of the file; a `ParseFailure` when it cannot be read. The bytes are handed over and gone afterwards. */
  async prepare(task: PrepareTask, signal: AbortSignal): Promise<PreparedFile> {
    await this.#takeTurn(signal);
    try {
      return await this.#runIn(this.#idle.pop() ?? this.#start(), task, signal);
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async close(): Promise<void> {
    const workers = [...this.#idle.splice(0), ...this.#busy];
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  async #takeTurn(signal: AbortSignal): Promise<void> {
    while (this.#running >= this.#options.threads) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      // Whoever is woken and gives up must wake the next one.
      if (signal.aborted) this.#waiting.shift()?.();
      signal.throwIfAborted();
    }
    this.#running += 1;
  }

  #start(): Worker {
    const worker = new Worker(new URL('./parse-worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: this.#options.memoryMb },
    });
    // An idle thread keeps no process alive, and without a listener its failure would end it.
    worker.unref();
    worker.on('error', () => this.#forget(worker));
    worker.on('exit', () => this.#forget(worker));
    return worker;
  }

  #forget(worker: Worker): void {
    this.#busy.delete(worker);
    const index = this.#idle.indexOf(worker);
    if (index >= 0) this.#idle.splice(index, 1);
  }

  async #runIn(worker: Worker, task: PrepareTask, signal: AbortSignal): Promise<PreparedFile> {
    this.#busy.add(worker);
    const timeout = AbortSignal.timeout(this.#options.timeoutMs);
    const over = new AbortController();
    const stop = { signal: AbortSignal.any([signal, timeout, over.signal]) };
    try {
      const answered = once(worker, 'message', stop);
      const ended = once(worker, 'exit', stop);
      worker.postMessage(task, [task.bytes.buffer as ArrayBuffer]);
      const [answer] = (await Promise.race([answered, ended])) as [WorkerAnswer | number];
      if (typeof answer === 'number') throw outOfMemory(this.#options);
      this.#busy.delete(worker);
      this.#idle.push(worker);
      return fileOf(answer);
    } catch (error) {
      if (this.#busy.has(worker)) await worker.terminate();
      signal.throwIfAborted();
      if (timeout.aborted) throw tooSlow(this.#options);
      throw isOutOfMemory(error) ? outOfMemory(this.#options) : error;
    } finally {
      // Takes the listeners off a thread that lives on.
      over.abort();
    }
  }
}

function fileOf(answer: WorkerAnswer): PreparedFile {
  if (answer.outcome === 'done') return answer.file;
  if (answer.outcome === 'refused') throw new ParseFailure(answer.code, answer.message);
  throw new Error('a file could not be parsed', { cause: answer.error });
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
}

function outOfMemory(options: PreparerOptions): ParseFailure {
  return new ParseFailure(
    'invalid_file',
    `Reading the file takes more than ${options.memoryMb} MB of memory.`,
  );
}

function tooSlow(options: PreparerOptions): ParseFailure {
  return new ParseFailure(
    'invalid_file',
    `Reading the file takes longer than ${options.timeoutMs / 1000} seconds.`,
  );
}
