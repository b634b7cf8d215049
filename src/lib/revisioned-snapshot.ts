import type { Log } from './log.ts';

const POLL_MS = 1_000;
const QUERY_TIMEOUT_MS = 5_000;

export interface LoadOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface RevisionedSnapshotOptions<T> {
  /** Names the copy in the log. */
  readonly name: string;
  /** In force until the first load. */
  readonly initial: T;
  /** A number that every change raises in the transaction that makes it. */
  readonly readRevision: (options: LoadOptions) => Promise<number>;
  /** The whole truth, at once. */
  readonly load: (options: LoadOptions) => Promise<T>;
  /** Calls back at each announced change, and after a time in which announcements may have been missed. */
  readonly listen: (onChange: () => void) => Promise<() => Promise<void>>;
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
  readonly log: Log;
}

/**
 * A copy in memory of what changes rarely and is asked for all the time. A change anywhere is seen by announcement,
 * or by the revision within a second; the whole copy is then replaced at once. While the source is away the last copy
 * stays in force.
 */
export class RevisionedSnapshot<T> {
  readonly #options: RevisionedSnapshotOptions<T>;
  readonly #log: Log;
  readonly #stop = new AbortController();
  #current: T;
  #revision: number | undefined;
  #refreshing: Promise<void> | undefined;
  #refreshAgain = false;
  #polling: Promise<void> = Promise.resolve();
  #isAway = false;
  #unlisten: () => Promise<void> = async () => undefined;

  constructor(options: RevisionedSnapshotOptions<T>) {
    this.#options = options;
    this.#current = options.initial;
    this.#log = options.log.child({ component: options.name });
  }

  /** The copy in force. Ask each time: it is replaced, never changed. */
  get current(): T {
    return this.#current;
  }

  /** Loads the first copy; rejects when the source cannot be asked. */
  async open(): Promise<void> {
    const onChange = () => {
      this.refresh().catch((error: unknown) => this.#noteFailure(error));
    };
    this.#unlisten = await this.#options.listen(onChange);
    await this.refresh();
    this.#polling = this.#poll();
  }

  /** Resolves when every change that was committed before the call is in force here. */
  async refresh(): Promise<void> {
    if (this.#refreshing !== undefined) {
      // The load under way may have read before the change.
      this.#refreshAgain = true;
      return this.#refreshing;
    }
    this.#refreshing = this.#loadUntilCurrent().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#polling;
    await this.#unlisten();
  }

  async #loadUntilCurrent(): Promise<void> {
    do {
      this.#refreshAgain = false;
      // The revision first: a change in between is then loaded twice, never missed.
      const revision = await this.#options.readRevision(this.#loadOptions());
      this.#current = await this.#options.load(this.#loadOptions());
      this.#revision = revision;
    } while (this.#refreshAgain);
    this.#noteSuccess();
  }

  async #poll(): Promise<void> {
    while (await this.#slept()) {
      try {
        const revision = await this.#options.readRevision(this.#loadOptions());
        if (revision !== this.#revision) await this.refresh();
        this.#noteSuccess();
      } catch (error) {
        this.#noteFailure(error);
      }
    }
  }

  async #slept(): Promise<boolean> {
    const { signal } = this.#stop;
    return this.#options.sleep(POLL_MS, signal).then(
      () => !signal.aborted,
      () => false,
    );
  }

  #loadOptions(): LoadOptions {
    return { timeoutMs: QUERY_TIMEOUT_MS, signal: this.#stop.signal };
  }

  // One line when it begins and one when it ends, not one a second.
  #noteFailure(error: unknown): void {
    if (this.#isAway || this.#stop.signal.aborted) return;
    this.#isAway = true;
    this.#log.warn({ error }, 'changes cannot be read; the last known state stays in force');
  }

  #noteSuccess(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#log.info({}, 'changes are read again');
  }
}
