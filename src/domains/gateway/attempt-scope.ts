/**
 * An abort signal with one parent and one timer: cheaper than `AbortSignal.any` and `timeout` on a hot path, and the
 * reason of the abort says which of the two it was.
 */
export class AttemptScope {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal;
  #timer: NodeJS.Timeout | undefined;
  readonly #onParentAbort = () => this.abort(this.#parent.reason);

  constructor(parent: AbortSignal) {
    this.#parent = parent;
    if (parent.aborted) this.abort(parent.reason);
    else parent.addEventListener('abort', this.#onParentAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /** Aborts with `reason` after `timeoutMs` unless `stopTimer` comes first. */
  startTimer(timeoutMs: number, reason: () => Error): void {
    this.stopTimer();
    this.#timer = setTimeout(() => this.abort(reason()), timeoutMs);
    this.#timer.unref();
  }

  stopTimer(): void {
    clearTimeout(this.#timer);
  }

  /** Lets go of the parent and the timer; the signal stays as it is. */
  release(): void {
    this.stopTimer();
    this.#parent.removeEventListener('abort', this.#onParentAbort);
  }
}
