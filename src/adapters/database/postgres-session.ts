import { Client, type ClientConfig, type PoolClient } from 'pg';
import type { Log } from '../../lib/log.ts';
import type { QueryResult, Statement } from '../../ports/database.ts';
import { statementTimeoutError } from './engine-errors.ts';
import { portErrorOf, queryResultOf } from './postgres-results.ts';
import { parameterTexts } from './sql-values.ts';

export interface StatementWait {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

const CANCEL_TIMEOUT_MS = 5_000;

/** One connection lent by the pool, given back exactly once. */
export class PostgresSession {
  readonly #client: PoolClient;
  readonly #config: ClientConfig;
  readonly #log: Log;
  readonly #running = new Set<Promise<unknown>>();
  #released = false;
  #broken = false;
  #failed = false;

  constructor(client: PoolClient, config: ClientConfig, log: Log) {
    this.#client = client;
    this.#config = config;
    this.#log = log;
  }

  /** Runs one statement, or text of several when there are no parameters. */
  run(statement: Statement): Promise<QueryResult<unknown>> {
    const values = parameterTexts(statement.parameters);
    const query = () =>
      values.length === 0
        ? this.#client.query(statement.sql)
        : this.#client.query({ text: statement.sql, values });
    return this.#track(query().then(queryResultOf));
  }

  /** Sends all texts at once and resolves with the command tag of the last. */
  async command(sql: string): Promise<string> {
    const answer: unknown = await this.#track(this.#client.query(sql));
    const results = Array.isArray(answer) ? answer : [answer];
    return (results.at(-1) as { command: string }).command;
  }

  /** Waits for `work`, but not beyond its limits: then the statement is cancelled on the server. */
  async limited<T>(work: Promise<T>, wait: StatementWait): Promise<T> {
    const { promise: givenUp, reject } = Promise.withResolvers<never>();
    const giveUp = (reason: unknown) => {
      this.#cancelTracked();
      reject(reason);
    };
    const timer = setTimeout(() => giveUp(statementTimeoutError(wait.timeoutMs)), wait.timeoutMs);
    const abort = () => giveUp(wait.signal?.reason);
    wait.signal?.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([work, givenUp]);
    } finally {
      clearTimeout(timer);
      wait.signal?.removeEventListener('abort', abort);
    }
  }

  /** Gives the connection back once nothing runs on it; `destroy` ends it instead. */
  async release(destroy = false): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    await Promise.allSettled([...this.#running]);
    this.#client.release(destroy || this.#broken || !(await this.#isClean()));
  }

  /** Ends the transaction on the server whatever it is doing, by ending the connection. */
  async destroy(): Promise<void> {
    if (this.#running.size > 0) await this.#cancel().catch((error) => this.#abandon(error));
    await this.release(true);
  }

  #track<T>(answer: Promise<T>): Promise<T> {
    const work = answer.catch((error) => {
      this.#failed = true;
      throw portErrorOf(error);
    });
    const settled = (): void => void this.#running.delete(tracked);
    const tracked: Promise<void> = work.then(settled, settled);
    this.#running.add(tracked);
    return work;
  }

  /** False when statements left the session inside a transaction or the connection is gone. */
  async #isClean(): Promise<boolean> {
    // The driver reports an error before it hears the state that the session is in after it.
    if (this.#failed)
      await this.command('select 1').catch(() => {
        this.#broken = true;
      });
    return !this.#broken && this.#client.getTransactionStatus() === 'I';
  }

  // Until the cancel has arrived the connection may not be lent again: it would hit the next borrower's statement.
  #cancelTracked(): void {
    const cancelling = this.#cancel()
      .catch((error) => this.#abandon(error))
      .finally(() => this.#running.delete(cancelling));
    this.#running.add(cancelling);
  }

  // PostgreSQL cancels a session's statement only through another connection.
  async #cancel(): Promise<void> {
    const processId = 'processID' in this.#client ? this.#client.processID : undefined;
    const canceller = new Client({ ...this.#config, query_timeout: CANCEL_TIMEOUT_MS });
    canceller.on('error', (error) => this.#abandon(error));
    await canceller.connect();
    try {
      await canceller.query({ text: 'select pg_cancel_backend($1)', values: [String(processId)] });
    } finally {
      await canceller.end();
    }
  }

  // The server did not take the cancel: the connection must not go back to the pool with a statement running.
  #abandon(error: unknown): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#log.warn(
      { reason: String(error) },
      'a statement could not be cancelled; its connection is dropped',
    );
    this.#client.connection.stream.destroy();
  }
}
