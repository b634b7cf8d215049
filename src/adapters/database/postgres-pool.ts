import { type ClientConfig, Pool } from 'pg';
import type { Log } from '../../lib/log.ts';
import { overloadedError } from './engine-errors.ts';
import { portErrorOf } from './postgres-results.ts';
import { PostgresSession } from './postgres-session.ts';

const MAX_WAITING = 10_000;
// Connections move on after a failover or behind a load balancer.
const CONNECTION_LIFETIME_S = 30 * 60;
const IDLE_TIMEOUT_MS = 60_000;

/** Lends sessions, at most `max` at once. */
export class PostgresPool {
  readonly #pool: Pool;
  readonly #config: ClientConfig;
  readonly #log: Log;

  constructor(config: ClientConfig, max: number, log: Log) {
    this.#config = config;
    this.#log = log;
    this.#pool = new Pool({
      ...config,
      max,
      // A batch is sent at once instead of a round trip per statement.
      pipeline: true,
      maxLifetimeSeconds: CONNECTION_LIFETIME_S,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
    });
    // Without these listeners a restart of the server ends our process: on the pool for idle connections, on each
    // client for lent ones.
    this.#pool.on('error', (error) => this.#logLoss(error));
    this.#pool.on('connect', (client) => client.on('error', (error) => this.#logLoss(error)));
  }

  get waiting(): number {
    return this.#pool.waitingCount;
  }

  async lend(signal: AbortSignal | undefined): Promise<PostgresSession> {
    signal?.throwIfAborted();
    if (this.waiting >= MAX_WAITING) throw overloadedError(this.waiting);
    const lending = this.#pool.connect().catch((error) => {
      throw portErrorOf(error);
    });
    const client = await (signal === undefined ? lending : abortable(lending, signal));
    return new PostgresSession(client, this.#config, this.#log);
  }

  async end(): Promise<void> {
    await this.#pool.end();
  }

  #logLoss(error: Error): void {
    this.#log.warn({ reason: error.message }, 'a connection to the database was lost');
  }
}

/** The pool cannot forget a waiter: a client that comes after the abort goes straight back. */
async function abortable<C extends { release(): void }>(
  lending: Promise<C>,
  signal: AbortSignal,
): Promise<C> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => {
    reject(signal.reason);
    lending.then(
      (client) => client.release(),
      () => undefined,
    );
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([lending, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
