import { setTimeout as delay } from 'node:timers/promises';
import { Client, type ClientConfig } from 'pg';
import type { Log } from '../../lib/log.ts';
import { closedError, timeoutError } from './engine-errors.ts';
import {
  type NotificationListener,
  NotificationListeners,
  quotedChannel,
} from './notification-listeners.ts';
import { portErrorOf } from './postgres-results.ts';

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 10_000;
const LISTEN_TIMEOUT_MS = 30_000;
const PROBE_INTERVAL_MS = 30_000;
const QUERY_TIMEOUT_MS = 5_000;

/** One connection of its own for LISTEN, opened when first needed and reopened for as long as anyone listens. */
export class PostgresListener {
  readonly #config: ClientConfig;
  readonly #log: Log;
  readonly #listeners: NotificationListeners;
  readonly #closed = new AbortController();
  #connection: Promise<Client> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(config: ClientConfig, log: Log) {
    // The server's limit is for statements; the listening connection idles between its own.
    this.#config = { ...config, query_timeout: QUERY_TIMEOUT_MS };
    this.#log = log;
    this.#listeners = new NotificationListeners(log);
  }

  async listen(channel: string, listener: NotificationListener): Promise<() => Promise<void>> {
    const command = `listen ${quotedChannel(channel)}`;
    this.#listeners.add(channel, listener);
    try {
      await this.#run(command);
    } catch (error) {
      this.#listeners.remove(channel, listener);
      throw portErrorOf(error);
    }
    return () => this.#unlisten(channel, listener);
  }

  async close(): Promise<void> {
    this.#closed.abort(closedError());
    const connection = this.#connection;
    this.#connection = undefined;
    const [opened] = await Promise.allSettled(connection === undefined ? [] : [connection]);
    if (opened?.status === 'fulfilled') await opened.value.end();
  }

  async #unlisten(channel: string, listener: NotificationListener): Promise<void> {
    const wasLast = this.#listeners.remove(channel, listener);
    if (!wasLast || this.#connection === undefined || this.#closed.signal.aborted) return;
    try {
      await this.#run(`unlisten ${quotedChannel(channel)}`);
    } catch (error) {
      // Nothing to undo: a connection that was lost listens to nothing, and nobody hears the channel any more.
      this.#log.debug({ channel, reason: String(error) }, 'could not stop listening');
    }
  }

  async #run(command: string): Promise<void> {
    const client = await this.#connected();
    await this.#inTurn(() => client.query(command));
  }

  /** One at a time: the next releases of the driver refuse a query while another runs. */
  #inTurn(query: () => Promise<unknown>): Promise<unknown> {
    const answer = this.#last.then(query, query);
    this.#last = answer;
    return answer;
  }

  async #connected(): Promise<Client> {
    this.#connection ??= this.#open().catch((error) => {
      this.#connection = undefined;
      throw error;
    });
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(timeoutError(`the database was not reachable for ${LISTEN_TIMEOUT_MS} ms`)),
      LISTEN_TIMEOUT_MS,
    );
    try {
      return await Promise.race([this.#connection, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #open(): Promise<Client> {
    this.#closed.signal.throwIfAborted();
    const client = new Client(this.#config);
    // Before the connection stands, `connect` itself reports its errors.
    client.on('error', (error) => this.#log.debug({ reason: error.message }, 'listener error'));
    await client.connect();
    client.on('notification', ({ channel, payload }) =>
      this.#listeners.deliver(channel, payload ?? ''),
    );
    const commands = this.#listeners.channels.map((channel) => `listen ${quotedChannel(channel)}`);
    if (commands.length > 0) await client.query(commands.join('; '));
    this.#watch(client);
    return client;
  }

  #watch(client: Client): void {
    // A half-open connection (a firewall that forgot it) shows only when something is sent.
    const probe = setInterval(() => {
      this.#inTurn(() => client.query('select 1')).catch(() =>
        client.end().catch((error) => this.#logEnd(error)),
      );
    }, PROBE_INTERVAL_MS);
    probe.unref();
    client.on('end', () => {
      clearInterval(probe);
      if (this.#closed.signal.aborted) return;
      this.#log.warn({}, 'the connection for notifications was lost');
      const reopening = this.#reopen();
      this.#connection = reopening;
      reopening.catch((error) => this.#logEnd(error));
    });
  }

  async #reopen(): Promise<Client> {
    for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(delayMs * 2, MAX_DELAY_MS)) {
      // Jitter, so that all instances do not come back in the same instant.
      await delay(delayMs * (0.5 + Math.random() / 2), undefined, { signal: this.#closed.signal });
      try {
        const client = await this.#open();
        this.#listeners.announceReconnect();
        return client;
      } catch (error) {
        this.#closed.signal.throwIfAborted();
        this.#log.warn({ reason: String(error) }, 'the connection for notifications is still down');
      }
    }
  }

  #logEnd(error: unknown): void {
    if (!this.#closed.signal.aborted)
      this.#log.warn({ reason: String(error) }, 'the connection for notifications ended badly');
  }
}
