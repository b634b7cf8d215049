import type { Log } from '../../lib/log.ts';
import type {
  Database,
  ExecuteOptions,
  ProjectDatabase,
  QueryResult,
  Statement,
  Transaction,
  TransactionOptions,
} from '../../ports/database.ts';
import { closedError } from './engine-errors.ts';
import { NotificationListeners, quotedChannel } from './notification-listeners.ts';
import type { TextStatement } from './pglite-engine.ts';
import { PgliteLink } from './pglite-link.ts';
import { projectDatabase } from './project-database.ts';
import { parameterTexts } from './sql-values.ts';
import {
  DEFAULT_EXECUTE_TIMEOUT_MS,
  DEFAULT_TRANSACTION_TIMEOUT_MS,
  SCRIPT_TIMEOUT_MS,
  SESSION_WAIT_MS,
} from './time-limits.ts';

export interface PgliteOptions {
  /** Folder of the cluster. The caller holds the lock of the data folder: the engine itself has none. */
  readonly directory: string;
  readonly log: Log;
  /** A closed cluster folder to copy at first start, instead of four seconds of initdb. */
  readonly templateDirectory?: string;
}

/** Opens the embedded database, creating it at first start. Every acknowledged write is synced to disk. */
export async function openPgliteDatabase(options: PgliteOptions): Promise<Database> {
  const log = options.log.child({ component: 'database' });
  const link = await PgliteLink.start(
    { directory: options.directory, templateDirectory: options.templateDirectory },
    log,
  );
  return new PgliteDatabase(link, log);
}

class PgliteDatabase implements Database {
  readonly capabilities = { concurrentSessions: false };
  readonly serverVersion: number;
  readonly #link: PgliteLink;
  readonly #log: Log;
  readonly #listeners: NotificationListeners;
  #leaseOpen = false;
  #closing: Promise<void> | undefined;

  constructor(link: PgliteLink, log: Log) {
    this.#link = link;
    this.#log = log;
    this.serverVersion = link.serverVersion;
    this.#listeners = new NotificationListeners(log);
    link.onNotification = (channel, payload) => this.#listeners.deliver(channel, payload);
  }

  get waiting(): number {
    const units = this.#link.pendingCount(new Set(['execute', 'batch', 'begin']));
    return Math.max(0, this.#leaseOpen ? units : units - 1);
  }

  async execute<Row>(
    statement: Statement<Row>,
    options: ExecuteOptions = {},
  ): Promise<QueryResult<Row>> {
    this.#requireOpen();
    const result = await this.#link.call(
      { kind: 'execute', statement: textStatement(statement) },
      { timeoutMs: options.timeoutMs ?? DEFAULT_EXECUTE_TIMEOUT_MS, signal: options.signal },
    );
    return result as QueryResult<Row>;
  }

  async batch(
    statements: readonly Statement[],
    options: ExecuteOptions = {},
  ): Promise<QueryResult<unknown>[]> {
    this.#requireOpen();
    return await this.#link.call(
      { kind: 'batch', statements: statements.map(textStatement) },
      { timeoutMs: options.timeoutMs ?? DEFAULT_EXECUTE_TIMEOUT_MS, signal: options.signal },
    );
  }

  forProject(projectId: string): ProjectDatabase {
    return projectDatabase(this, projectId);
  }

  async executeScript(sql: string): Promise<void> {
    await this.execute({ sql, parameters: [] }, { timeoutMs: SCRIPT_TIMEOUT_MS });
  }

  async transaction<T>(
    work: (transaction: Transaction) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    this.#requireOpen();
    const leaseId = await this.#link.call(
      { kind: 'begin', leaseMs: options.timeoutMs ?? DEFAULT_TRANSACTION_TIMEOUT_MS },
      { timeoutMs: SESSION_WAIT_MS, signal: options.signal },
    );
    this.#leaseOpen = true;
    try {
      const result = await work(new PgliteTransaction(this.#link, leaseId, options.signal));
      options.signal?.throwIfAborted();
      await this.#link.call({ kind: 'commit', leaseId }, { timeoutMs: DEFAULT_EXECUTE_TIMEOUT_MS });
      return result;
    } catch (error) {
      await this.#rollBack(leaseId);
      throw error;
    } finally {
      this.#leaseOpen = false;
    }
  }

  async listen(
    channel: string,
    onNotification: (payload: string) => void,
  ): Promise<() => Promise<void>> {
    // The only session cannot lose its connection, so `onReconnect` is never called.
    const listener = { onNotification };
    const isFirst = this.#listeners.add(channel, listener);
    try {
      if (isFirst) await this.#command(`listen ${quotedChannel(channel)}`);
    } catch (error) {
      this.#listeners.remove(channel, listener);
      throw error;
    }
    return async () => {
      const wasLast = this.#listeners.remove(channel, listener);
      if (wasLast && this.#closing === undefined)
        await this.#command(`unlisten ${quotedChannel(channel)}`);
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#link.stop();
    return this.#closing;
  }

  async #command(sql: string): Promise<void> {
    await this.execute({ sql, parameters: [] });
  }

  async #rollBack(leaseId: number): Promise<void> {
    try {
      await this.#link.call(
        { kind: 'rollback', leaseId },
        { timeoutMs: DEFAULT_EXECUTE_TIMEOUT_MS },
      );
    } catch (error) {
      // The error that led here matters more; the lease runs out by itself.
      this.#log.warn({ reason: String(error) }, 'a transaction could not be rolled back at once');
    }
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw closedError();
  }
}

class PgliteTransaction implements Transaction {
  readonly #link: PgliteLink;
  readonly #leaseId: number;
  readonly #signal: AbortSignal | undefined;

  constructor(link: PgliteLink, leaseId: number, signal: AbortSignal | undefined) {
    this.#link = link;
    this.#leaseId = leaseId;
    this.#signal = signal;
  }

  async execute<Row>(
    statement: Statement<Row>,
    options: ExecuteOptions = {},
  ): Promise<QueryResult<Row>> {
    this.#signal?.throwIfAborted();
    const result = await this.#link.call(
      { kind: 'leased', leaseId: this.#leaseId, statement: textStatement(statement) },
      {
        timeoutMs: options.timeoutMs ?? DEFAULT_EXECUTE_TIMEOUT_MS,
        signal: options.signal ?? this.#signal,
      },
    );
    return result as QueryResult<Row>;
  }
}

function textStatement(statement: Statement): TextStatement {
  return { sql: statement.sql, parameters: parameterTexts(statement.parameters) };
}
