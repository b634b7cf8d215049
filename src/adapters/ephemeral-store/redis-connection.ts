import { createClient } from 'redis';
import type { Log } from '../../lib/log.ts';

const CONNECT_TIMEOUT_MS = 2_000;
const RECONNECT_MAX_MS = 2_000;
const KEEP_ALIVE_MS = 5_000;
// Commands that wait for an answer; a server that stands still must not fill the memory.
const COMMANDS_MAX = 1_000;

export type RedisClient = ReturnType<typeof createRedisClient>;

export function createRedisClient(url: string, options: { queueWhileOffline: boolean }) {
  return createClient({
    url,
    // A cache that is away is done without: waiting for it would slow every request.
    disableOfflineQueue: !options.queueWhileOffline,
    commandsQueueMaxLength: COMMANDS_MAX,
    // We end the wait ourselves; the client's own way costs a signal for every command.
    commandOptions: { timeout: 0 },
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      // For ever: the store comes back without anyone restarting us. Jitter, as all instances lose it at once.
      reconnectStrategy: (retries: number) =>
        Math.min(50 * 2 ** Math.min(retries, 6), RECONNECT_MAX_MS) * (0.5 + Math.random() / 2),
    },
  });
}

/**
 * One connection that reconnects for ever and says so once per outage. `replace` drops a connection that answers
 * nothing any more (a machine that vanished without closing it): the operating system would notice after minutes.
 */
export class RedisConnection {
  readonly #create: () => RedisClient;
  readonly #log: Log;
  readonly #onReady: (client: RedisClient) => void;
  #client: RedisClient;
  #down = false;
  #closed = false;

  constructor(options: {
    create: () => RedisClient;
    log: Log;
    onReady?: (client: RedisClient) => void;
  }) {
    this.#create = options.create;
    this.#log = options.log;
    this.#onReady = options.onReady ?? (() => undefined);
    this.#client = this.#connect();
  }

  get client(): RedisClient {
    return this.#client;
  }

  /** True once connected, false when that takes longer than `timeoutMs`; it goes on trying. */
  async waitUntilReady(timeoutMs: number): Promise<boolean> {
    const client = this.#client;
    if (client.isReady) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), timeoutMs);
    const onReady = () => resolve(true);
    client.once('ready', onReady);
    const ready = await promise;
    clearTimeout(timer);
    client.off('ready', onReady);
    return ready;
  }

  replace(): void {
    if (this.#closed) return;
    destroy(this.#client);
    this.#client = this.#connect();
  }

  async close(): Promise<void> {
    this.#closed = true;
    destroy(this.#client);
  }

  #connect(): RedisClient {
    const client = this.#create();
    // Without a listener an 'error' event ends the process.
    client.on('error', (error: unknown) => this.#reportDown(error));
    client.on('ready', () => {
      this.#reportUp();
      this.#onReady(client);
    });
    // Rejects only when it is given up, which happens in close and replace.
    client.connect().catch((error: unknown) => this.#reportDown(error));
    return client;
  }

  #reportDown(error: unknown): void {
    if (this.#down || this.#closed) return;
    this.#down = true;
    this.#log.warn({ err: error }, 'lost the ephemeral store; going on without it');
  }

  #reportUp(): void {
    if (!this.#down) return;
    this.#down = false;
    this.#log.info({}, 'the ephemeral store is back');
  }
}

function destroy(client: RedisClient): void {
  if (client.isOpen) client.destroy();
}
