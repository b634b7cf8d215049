import type { Dispatcher } from 'undici';

type Controller = Dispatcher.DispatchController;
type UpstreamHeaders = Dispatcher.ResponseData['headers'];

export interface UpstreamHead {
  readonly status: number;
  readonly headers: UpstreamHeaders;
}

interface Waiting<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

export interface UpstreamCallOptions {
  /** Ends the call; its reason is what everything then rejects with. */
  readonly signal: AbortSignal;
  /** What an error of the network is to its reader. */
  readonly failureOf: (error: Error) => unknown;
  /** Called once, when the call no longer needs its connection. */
  readonly onClose: () => void;
}

// A client that reads slowly stops its upstream at this size.
const QUEUED_BYTES_MAX = 256 * 1024;
// How long the end of a finished answer may take before its connection is given up.
const DRAIN_MS = 1_000;
const END: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * One request on a connection of the pool, as bytes. It takes the client's own callbacks instead of a `Readable` for each
 * answer and an iterator over that, which cost more than the rest of the hop.
 */
export class UpstreamCall implements Dispatcher.DispatchHandler {
  readonly #signal: AbortSignal;
  readonly #failureOf: (error: Error) => unknown;
  readonly #onClose: () => void;
  readonly #onAbort = () => this.#stop(this.#signal.reason);
  #controller: Controller | undefined;
  #head: Waiting<UpstreamHead> | undefined;
  #reader: Waiting<IteratorResult<Buffer, undefined>> | undefined;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #isUnbounded = false;
  #isOver = false;
  #isDiscarding = false;
  #failure: { readonly error: unknown } | undefined;

  constructor({ signal, failureOf, onClose }: UpstreamCallOptions) {
    this.#signal = signal;
    this.#failureOf = failureOf;
    this.#onClose = onClose;
  }

  /** Resolves with status and headers; rejects when there are none. */
  start(dispatch: (handler: Dispatcher.DispatchHandler) => void): Promise<UpstreamHead> {
    return new Promise((resolve, reject) => {
      this.#head = { resolve, reject };
      if (this.#signal.aborted) {
        this.#stop(this.#signal.reason);
        return;
      }
      this.#signal.addEventListener('abort', this.#onAbort);
      dispatch(this);
    });
  }

  /** What came since the last call, in one piece. */
  next(): Promise<IteratorResult<Buffer, undefined>> {
    if (this.#queue.length > 0) return Promise.resolve({ done: false, value: this.#taken() });
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    if (this.#isOver) return Promise.resolve(END);
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  /** The whole body. */
  async bytes(): Promise<Buffer> {
    this.#isUnbounded = true;
    this.#controller?.resume();
    const parts: Buffer[] = [];
    for (let part = await this.next(); part.done !== true; part = await this.next())
      parts.push(part.value);
    return joined(parts);
  }

  /** Call when no more is read: `complete` lets the last bytes run out, so that the connection is used again. */
  release(complete: boolean): void {
    this.#isDiscarding = true;
    this.#queue = [];
    if (this.#isOver) return;
    if (!complete) {
      this.#stop(new Error('nobody reads the answer any more'));
      return;
    }
    const timer = setTimeout(() => this.#stop(new Error('the answer did not end')), DRAIN_MS);
    timer.unref();
    this.#controller?.resume();
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    // It was given up while it waited for a connection.
    if (this.#failure !== undefined) controller.abort(asError(this.#failure.error));
  }

  onResponseStart(_controller: Controller, status: number, headers: UpstreamHeaders): void {
    if (status < 200) return;
    this.#head?.resolve({ status, headers });
    this.#head = undefined;
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#isDiscarding) return;
    const reader = this.#reader;
    if (reader !== undefined) {
      this.#reader = undefined;
      reader.resolve({ done: false, value: chunk });
      return;
    }
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    if (this.#queuedBytes > QUEUED_BYTES_MAX && !this.#isUnbounded) controller.pause();
  }

  onResponseEnd(): void {
    if (!this.#close()) return;
    this.#reader?.resolve(END);
    this.#reader = undefined;
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.#fail(this.#failureOf(error));
  }

  #taken(): Buffer {
    const bytes = joined(this.#queue);
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#controller?.resume();
    return bytes;
  }

  #stop(reason: unknown): void {
    this.#fail(reason);
    this.#controller?.abort(asError(reason));
  }

  #fail(error: unknown): void {
    if (!this.#close()) return;
    this.#failure = { error };
    this.#head?.reject(error);
    this.#reader?.reject(error);
    this.#head = undefined;
    this.#reader = undefined;
  }

  #close(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#onClose();
    return true;
  }
}

function joined(parts: readonly Buffer[]): Buffer {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
}

const asError = (reason: unknown) =>
  reason instanceof Error ? reason : new Error('the call was given up', { cause: reason });
