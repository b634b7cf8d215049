import type { Log } from '../../lib/log.ts';
import {
  type Database,
  DatabaseError,
  type ExecuteOptions,
  type ProjectDatabase,
  type QueryResult,
  type Statement,
  type Transaction,
  type TransactionOptions,
} from '../../ports/database.ts';
import { closedError, expiredError, rolledBackError } from './engine-errors.ts';
import { PostgresListener } from './postgres-listener.ts';
import { PostgresPool } from './postgres-pool.ts';
import type { PostgresSession } from './postgres-session.ts';
import { clientConfig } from './postgres-settings.ts';
import { projectDatabase } from './project-database.ts';
import {
  DEFAULT_EXECUTE_TIMEOUT_MS,
  DEFAULT_TRANSACTION_TIMEOUT_MS,
  SCRIPT_TIMEOUT_MS,
} from './time-limits.ts';

export interface PostgresOptions {
  readonly url: string;
  /** Sessions for statements; one more listens for notifications. */
  readonly poolMax: number;
  readonly log: Log;
}

const MIN_SERVER_VERSION = 150_000;

/** Connects to a PostgreSQL server, version 15 or newer. Rejects when it cannot be reached. */
export async function openPostgresDatabase(options: PostgresOptions): Promise<Database> {
  const log = options.log.child({ component: 'database' });
  const config = clientConfig(options.url);
  const pool = new PostgresPool(config, options.poolMax, log);
  try {
    const serverVersion = await readServerVersion(pool);
    return new PostgresDatabase(pool, new PostgresListener(config, log), serverVersion);
  } catch (error) {
    await pool.end();
    throw error;
  }
}

async function readServerVersion(pool: PostgresPool): Promise<number> {
  const session = await pool.lend(undefined);
  try {
    const sql = "select current_setting('server_version_num')::int as version";
    const { rows } = await session.run({ sql, parameters: [] });
    const { version } = rows[0] as { version: number };
    if (version >= MIN_SERVER_VERSION) return version;
    throw new DatabaseError(`PostgreSQL 15 or newer is needed; this server says ${version}`, {});
  } finally {
    await session.release();
  }
}

class PostgresDatabase implements Database {
  readonly capabilities = { concurrentSessions: true };
  readonly serverVersion: number;
  readonly #pool: PostgresPool;
  readonly #listener: PostgresListener;
  readonly #running = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(pool: PostgresPool, listener: PostgresListener, serverVersion: number) {
    this.#pool = pool;
    this.#listener = listener;
    this.serverVersion = serverVersion;
  }

  get waiting(): number {
    return this.#pool.waiting;
  }

  async execute<Row>(
    statement: Statement<Row>,
    options: ExecuteOptions = {},
  ): Promise<QueryResult<Row>> {
    const result = await this.#withSession(options, (session) => session.run(statement));
    return result as QueryResult<Row>;
  }

  batch(
    statements: readonly Statement[],
    options: ExecuteOptions = {},
  ): Promise<QueryResult<unknown>[]> {
    return this.#withSession(options, (session) => runBatch(session, statements));
  }

  forProject(projectId: string): ProjectDatabase {
    return projectDatabase(this, projectId);
  }

  async executeScript(sql: string): Promise<void> {
    await this.execute({ sql, parameters: [] }, { timeoutMs: SCRIPT_TIMEOUT_MS });
  }

  transaction<T>(
    work: (transaction: Transaction) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    return this.#track(async () => {
      const session = await this.#pool.lend(options.signal);
      const transaction = new PostgresTransaction(session, options);
      try {
        await transaction.begin();
        const result = await work(transaction);
        options.signal?.throwIfAborted();
        await transaction.commit();
        return result;
      } finally {
        await transaction.end();
      }
    });
  }

  listen(
    channel: string,
    onNotification: (payload: string) => void,
    onReconnect?: () => void,
  ): Promise<() => Promise<void>> {
    return this.#track(() => this.#listener.listen(channel, { onNotification, onReconnect }));
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    // The pool would forget those who still wait for a session.
    while (this.#running.size > 0) await Promise.allSettled([...this.#running]);
    await Promise.all([this.#listener.close(), this.#pool.end()]);
  }

  #withSession<T>(
    options: ExecuteOptions,
    work: (session: PostgresSession) => Promise<T>,
  ): Promise<T> {
    const timeoutMs = options.timeoutMs ?? DEFAULT_EXECUTE_TIMEOUT_MS;
    return this.#track(async () => {
      const session = await this.#pool.lend(options.signal);
      // The server's own limit covers the death of this process; only longer statements need another one.
      const isLong = timeoutMs > DEFAULT_EXECUTE_TIMEOUT_MS;
      try {
        if (isLong) await session.command(`set statement_timeout = ${Math.ceil(timeoutMs)}`);
        return await session.limited(work(session), { timeoutMs, signal: options.signal });
      } finally {
        // Not awaited: a cancelled statement may take a moment, and nobody waits for its answer.
        void finish(session, isLong);
      }
    });
  }

  async #track<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw closedError();
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }
}

async function finish(session: PostgresSession, isLong: boolean): Promise<void> {
  try {
    if (isLong) await session.command('reset statement_timeout');
    await session.release();
  } catch {
    await session.release(true);
  }
}

async function runBatch(
  session: PostgresSession,
  statements: readonly Statement[],
): Promise<QueryResult<unknown>[]> {
  // Everything is on its way before the first answer: one round trip. After a failure the server refuses the rest
  // and answers COMMIT with ROLLBACK.
  const begun = session.command('begin');
  const answers = statements.map((statement) => session.run(statement));
  const committed = session.command('commit');
  const outcomes = await Promise.allSettled([begun, ...answers, committed]);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  if ((await committed) === 'ROLLBACK') throw rolledBackError();
  return await Promise.all(answers);
}

class PostgresTransaction implements Transaction {
  readonly #session: PostgresSession;
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  #timer: NodeJS.Timeout | undefined;
  #state: 'open' | 'expired' | 'ended' = 'open';

  constructor(session: PostgresSession, options: TransactionOptions) {
    this.#session = session;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TRANSACTION_TIMEOUT_MS;
    this.#signal = options.signal;
  }

  async begin(): Promise<void> {
    this.#timer = setTimeout(() => {
      this.#state = 'expired';
      void this.#session.destroy();
    }, this.#timeoutMs);
    // The server ends the transaction by itself should this process vanish, and not before its time.
    const limit = `${Math.ceil(this.#timeoutMs)}`;
    await this.#session.command(
      `begin; set local statement_timeout = ${limit}; set local idle_in_transaction_session_timeout = ${limit}`,
    );
  }

  async execute<Row>(
    statement: Statement<Row>,
    options: ExecuteOptions = {},
  ): Promise<QueryResult<Row>> {
    this.#signal?.throwIfAborted();
    this.#requireOpen();
    const wait = {
      timeoutMs: options.timeoutMs ?? DEFAULT_EXECUTE_TIMEOUT_MS,
      signal: options.signal ?? this.#signal,
    };
    try {
      const result = await this.#session.limited(this.#session.run(statement), wait);
      return result as QueryResult<Row>;
    } catch (error) {
      throw this.#state === 'expired' ? expiredError() : error;
    }
  }

  async commit(): Promise<void> {
    this.#requireOpen();
    clearTimeout(this.#timer);
    const commit = this.#session.command('commit');
    const tag = await this.#session.limited(commit, { timeoutMs: DEFAULT_EXECUTE_TIMEOUT_MS });
    this.#state = 'ended';
    if (tag === 'ROLLBACK') throw rolledBackError();
  }

  /** Rolls back what was not committed and gives the session back. */
  async end(): Promise<void> {
    clearTimeout(this.#timer);
    const state = this.#state;
    this.#state = 'ended';
    try {
      if (state === 'open') await this.#session.command('rollback');
      await this.#session.release(state === 'expired');
    } catch {
      // The connection is gone, and the server rolled back with it.
      await this.#session.release(true);
    }
  }

  #requireOpen(): void {
    if (this.#state === 'expired') throw expiredError();
    if (this.#state === 'ended') throw new DatabaseError('the transaction has ended', {});
  }
}
