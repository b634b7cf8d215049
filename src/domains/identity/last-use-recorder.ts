import type { Log } from '../../lib/log.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Database } from '../../ports/database.ts';
import { writeLastUsed } from './key-repository.ts';

const INTERVAL_MS = 60_000;
const TIMEOUT_MS = 5_000;

/** When keys were used last, written for all of them together once a minute. A crash loses at most that minute. */
export class LastUseRecorder {
  readonly #database: Database;
  readonly #log: Log;
  readonly #clock: Clock;
  #uses = new Map<string, Date>();
  #flushedAtMs: number;

  constructor(options: { database: Database; clock: Clock; log: Log }) {
    this.#database = options.database;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#flushedAtMs = options.clock.monotonicMs();
  }

  record(keyId: string, usedAt: Date): void {
    this.#uses.set(keyId, usedAt);
  }

  async flushWhenDue(): Promise<void> {
    if (this.#clock.monotonicMs() - this.#flushedAtMs >= INTERVAL_MS) await this.flush();
  }

  /** Never rejects: the time of the last use is worth no failure. */
  async flush(): Promise<void> {
    this.#flushedAtMs = this.#clock.monotonicMs();
    if (this.#uses.size === 0) return;
    const uses = this.#uses;
    this.#uses = new Map();
    try {
      const rows = [...uses].map(([keyId, usedAt]) => ({ keyId, usedAt }));
      await writeLastUsed(this.#database, rows, { timeoutMs: TIMEOUT_MS });
    } catch (error) {
      for (const [keyId, usedAt] of uses) {
        if (!this.#uses.has(keyId)) this.#uses.set(keyId, usedAt);
      }
      this.#log.warn({ error }, 'times of last use are not written yet');
    }
  }
}
