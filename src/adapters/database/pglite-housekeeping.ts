import type { PgliteEngine } from './pglite-engine.ts';

export interface HousekeepingOptions {
  readonly engine: PgliteEngine;
  /** Runs work in the queue of the session. */
  readonly enqueue: (work: () => Promise<void>) => void;
  readonly isIdle: () => boolean;
  readonly onError: (error: unknown, task: string) => void;
}

const CHECKPOINT_WAL_BYTES = 64 * 1024 * 1024;
const CHECKPOINT_INTERVAL_MS = 5 * 60_000;
const WATCH_INTERVAL_MS = 1_000;
const VACUUM_INTERVAL_MS = 60_000;
const TABLES_PER_ROUND = 5;
/** A busy database postpones its vacuum this many times, then does it anyway. */
const MAX_POSTPONEMENTS = 10;

// PostgreSQL's own defaults for autovacuum (50 rows + 20 % dead, 50 rows + 10 % changed), and a freeze well before
// transaction ids wrap around.
const TABLES_IN_NEED = `
  select format('%I.%I', s.schemaname, s.relname) as name
  from pg_stat_user_tables s join pg_class c on c.oid = s.relid
  where s.n_dead_tup > 50 + 0.2 * s.n_live_tup
     or s.n_mod_since_analyze > 50 + 0.1 * s.n_live_tup
     or age(c.relfrozenxid) > 100000000
  order by s.n_dead_tup desc
  limit ${TABLES_PER_ROUND}`;

/** The background work that PostgreSQL's own processes do and the embedded engine lacks. */
export class Housekeeping {
  readonly #options: HousekeepingOptions;
  readonly #timers: NodeJS.Timeout[] = [];
  #checkpointLsn = '0/0';
  #checkpointAtMs = performance.now();
  #worked = true;
  #queued = false;
  #postponements = 0;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timers.push(setInterval(() => this.#watchLog(), WATCH_INTERVAL_MS).unref());
    this.#timers.push(setInterval(() => this.#watchTables(), VACUUM_INTERVAL_MS).unref());
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** Called after each unit of the queue: an idle database needs no look at its log. */
  noteWork(): void {
    this.#worked = true;
  }

  #watchLog(): void {
    if (!this.#worked || this.#queued) return;
    this.#worked = false;
    this.#enqueue('checkpoint', () => this.checkpointIfDue());
  }

  #watchTables(): void {
    if (!this.#options.isIdle() && this.#postponements < MAX_POSTPONEMENTS) {
      this.#postponements += 1;
      return;
    }
    this.#postponements = 0;
    this.#enqueue('vacuum', () => this.vacuumTablesInNeed());
  }

  /** Bounds the log on disk and the time that a start after a crash takes. */
  async checkpointIfDue(): Promise<void> {
    const bytes = await this.#logSinceCheckpoint();
    const sinceMs = performance.now() - this.#checkpointAtMs;
    if (bytes < CHECKPOINT_WAL_BYTES && (bytes === 0 || sinceMs < CHECKPOINT_INTERVAL_MS)) {
      // Written since the last checkpoint but not due: look again without waiting for more work.
      this.#worked ||= bytes > 0;
      return;
    }
    await this.#options.engine.run({ sql: 'checkpoint', parameters: [] });
    this.#checkpointAtMs = performance.now();
    // From here, since a checkpoint writes to the log itself: an idle database must not checkpoint for ever.
    this.#checkpointLsn = await this.#currentLsn();
  }

  async #currentLsn(): Promise<string> {
    const sql = 'select pg_current_wal_lsn()::text as lsn';
    const { rows } = await this.#options.engine.run({ sql, parameters: [] });
    return (rows[0] as { lsn: string }).lsn;
  }

  async #logSinceCheckpoint(): Promise<number> {
    const sql = 'select pg_wal_lsn_diff(pg_current_wal_lsn(), $1)::float8 as bytes';
    const { rows } = await this.#options.engine.run({ sql, parameters: [this.#checkpointLsn] });
    return (rows[0] as { bytes: number }).bytes;
  }

  /** Queues a vacuum for each table that needs one and names them. */
  async vacuumTablesInNeed(): Promise<string[]> {
    // The session keeps its counts to itself for up to a second; written after the vacuum they would undo its zero.
    await this.#options.engine.run({ sql: 'select pg_stat_force_next_flush()', parameters: [] });
    const result = await this.#options.engine.run({ sql: TABLES_IN_NEED, parameters: [] });
    const names = result.rows.map((row) => (row as { name: string }).name);
    // One unit per table, so that statements of the application come in between.
    for (const name of names) {
      this.#options.enqueue(async () => {
        await this.#guard('vacuum', async () => {
          await this.#options.engine.run({ sql: `vacuum (analyze) ${name}`, parameters: [] });
        });
      });
    }
    return names;
  }

  #enqueue(task: string, work: () => Promise<void | string[]>): void {
    this.#queued = true;
    this.#options.enqueue(async () => {
      this.#queued = false;
      await this.#guard(task, work);
    });
  }

  async #guard(task: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.onError(error, task);
    }
  }
}
