import type { Log } from '../../lib/log.ts';
import { createRedisClient, RedisConnection } from './redis-connection.ts';
import { Subscriptions } from './subscriptions.ts';

const SUBSCRIBE_TIMEOUT_MS = 2_000;

/**
 * A connection of its own, since one that subscribed can do nothing else. After a reconnect the client subscribes
 * again by itself; after a replacement we do.
 */
export class RedisSubscriber {
  readonly #connection: RedisConnection;
  readonly #subscriptions: Subscriptions;
  readonly #log: Log;
  readonly #deliver = (message: string, channel: string) =>
    this.#subscriptions.deliver(channel, message);

  constructor(url: string, log: Log) {
    this.#log = log;
    this.#subscriptions = new Subscriptions(log);
    this.#connection = new RedisConnection({
      create: () => createRedisClient(url, { queueWhileOffline: true }),
      log: log.child({ connection: 'subscriber' }),
    });
  }

  async subscribe(
    channel: string,
    onMessage: (message: string) => void,
  ): Promise<() => Promise<void>> {
    const remove = this.#subscriptions.add(channel, onMessage);
    // Also for a channel that has listeners: the client asks the server once and lets the second one wait for it.
    await waitAtMost(this.#subscribeServer(channel), SUBSCRIBE_TIMEOUT_MS);
    return async () => {
      if (remove()) await waitAtMost(this.#unsubscribeServer(channel), SUBSCRIBE_TIMEOUT_MS);
    };
  }

  replace(): void {
    this.#connection.replace();
    for (const channel of this.#subscriptions.channels) void this.#subscribeServer(channel);
  }

  async close(): Promise<void> {
    this.#subscriptions.clear();
    await this.#connection.close();
  }

  async #subscribeServer(channel: string): Promise<void> {
    try {
      await this.#connection.client.subscribe(channel, this.#deliver);
    } catch (error) {
      this.#log.warn({ err: error, channel }, 'could not subscribe');
    }
  }

  async #unsubscribeServer(channel: string): Promise<void> {
    try {
      await this.#connection.client.unsubscribe(channel, this.#deliver);
    } catch (error) {
      this.#log.warn({ err: error, channel }, 'could not unsubscribe');
    }
  }
}

async function waitAtMost(work: Promise<void>, timeoutMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
