import type { Log } from '../../lib/log.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Database } from '../../ports/database.ts';
import type { AuditEvent } from './audit-event.ts';
import { auditUnavailable } from './errors.ts';
import { insertAuditEvents } from './repository.ts';

export const AUDIT_MODES = ['strict', 'lenient'] as const;
/** What becomes of a read when it cannot be written down: it is refused, or it happens and is counted. */
export type AuditMode = (typeof AUDIT_MODES)[number];

export interface AccessRecorderOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly mode: AuditMode;
  /** Called with the number of events that nobody will find. */
  readonly onDropped: (count: number) => void;
  /** Events that may wait, and reads that may be under way. Default 5 000. */
  readonly waitingMax?: number;
}

const WAITING_MAX = 5_000;
const FLUSH_AFTER_MS = 250;
const RETRY_AFTER_MS = 1_000;
const BATCH = 500;
const INSERT_TIMEOUT_MS = 10_000;
const CLOSE_TRIES = 2;

/**
 * Writes reads down in batches, so that none waits for the database. What a death of the process takes with it is the
 * last quarter of a second.
 */
export class AccessRecorder {
  readonly #options: AccessRecorderOptions;
  readonly #stop = new AbortController();
  #waiting: AuditEvent[] = [];
  #admitted = 0;
  #flushing: Promise<void> | undefined;

  constructor(options: AccessRecorderOptions) {
    this.#options = options;
  }

  /** Before a read: keeps a place for its event. Throws in strict mode when there is none. */
  admit(): void {
    if (this.#isFull && this.#options.mode === 'strict') throw auditUnavailable();
    this.#admitted += 1;
  }

  /** After a read that was admitted. */
  settle(event: AuditEvent): void {
    this.#admitted = Math.max(0, this.#admitted - 1);
    // The place was kept in strict mode; in the other one it may be gone.
    this.#add(event, this.#options.mode === 'strict');
  }

  /** An event that nothing waits for. */
  record(event: AuditEvent): void {
    this.#add(event, false);
  }

  /** Resolves when everything that waits is written, or nobody takes it. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#flushing;
    for (let tries = 0; tries < CLOSE_TRIES && this.#waiting.length > 0; tries += 1)
      await this.#flush();
    this.#drop(this.#waiting.length);
    this.#waiting = [];
  }

  get #isFull(): boolean {
    const { waitingMax = WAITING_MAX } = this.#options;
    return this.#waiting.length + this.#admitted >= waitingMax;
  }

  #add(event: AuditEvent, hasPlace: boolean): void {
    if (!hasPlace && this.#isFull) return this.#drop(1);
    this.#waiting.push(event);
    this.#flushing ??= this.#flushSoon().finally(() => {
      this.#flushing = undefined;
    });
  }

  async #flushSoon(): Promise<void> {
    const { clock } = this.#options;
    let delayMs = FLUSH_AFTER_MS;
    while (this.#waiting.length > 0 && !this.#stop.signal.aborted) {
      // The only reason to wake early is the end, which flushes by itself.
      await clock.sleep(delayMs, this.#stop.signal).catch(() => undefined);
      if (this.#stop.signal.aborted) return;
      delayMs = (await this.#flush()) ? 0 : RETRY_AFTER_MS;
    }
  }

  /** True when the database took a batch. */
  async #flush(): Promise<boolean> {
    const batch = this.#waiting.slice(0, BATCH);
    const { database, log } = this.#options;
    try {
      await database.execute(insertAuditEvents(batch), { timeoutMs: INSERT_TIMEOUT_MS });
      this.#waiting = this.#waiting.slice(batch.length);
      return true;
    } catch (error) {
      log.warn({ error, waiting: this.#waiting.length }, 'reads will be written down later');
      return false;
    }
  }

  #drop(count: number): void {
    if (count > 0) this.#options.onDropped(count);
  }
}
