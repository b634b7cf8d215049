import { performance } from 'node:perf_hooks';
import type { Log } from '../../lib/log.ts';
import type {
  EphemeralOptions,
  EphemeralStore,
  HeldLease,
  ReserveAnswer,
  ReserveRequest,
  Settlement,
  Spending,
} from '../../ports/ephemeral-store.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { assertAmount, assertEphemeralKey, wholeTtlMs } from './limits.ts';
import { AS_BYTES, type CommandOptions, isTimeout, sendWithin } from './redis-command.ts';
import { createRedisClient, type RedisClient, RedisConnection } from './redis-connection.ts';
import { ACQUIRE_SCRIPT, INCREMENT_SCRIPT, RELEASE_SCRIPT } from './redis-scripts.ts';
import { RedisReservations } from './redis-reservations.ts';
import { RedisSubscriber } from './redis-subscriber.ts';

const OPEN_TIMEOUT_MS = 2_000;
const BREAKER = { failuresMax: 5, coolDownMs: 1_000 };
// Commands in a row without an answer, on a connection that looks alive, after which it is taken for dead.
const SILENCES_MAX = 8;
// Kinds of entries live under names of their own, as in the memory adapter: a counter is never read as a value.
const VALUE = 'llamp:v:';
const COUNTER = 'llamp:c:';
const LEASE = 'llamp:l:';
const CHANNEL = 'llamp:';

export interface RedisEphemeralStoreOptions {
  /** `redis://` or `rediss://`, with user, password and database number where needed. */
  readonly url: string;
  readonly log: Log;
}

/** Connects, and opens without Redis when it is away: it may be missing at any moment anyway. */
export async function openRedisEphemeralStore(
  options: RedisEphemeralStoreOptions,
): Promise<RedisEphemeralStore> {
  const store = new RedisEphemeralStore(options);
  await store.waitUntilReady(OPEN_TIMEOUT_MS);
  return store;
}

/** Redis or Valkey, shared by all instances. */
export class RedisEphemeralStore implements EphemeralStore {
  readonly #connection: RedisConnection;
  readonly #subscriber: RedisSubscriber;
  readonly #reservations = new RedisReservations((command, options) =>
    this.#send(command, options),
  );
  readonly #lastReply = { atMs: 0 };
  #silences = 0;
  readonly #breaker = new CircuitBreaker({ ...BREAKER, monotonicMs: () => performance.now() });

  constructor({ url, log }: RedisEphemeralStoreOptions) {
    this.#connection = new RedisConnection({
      create: () => createRedisClient(url, { queueWhileOffline: false }),
      log,
      onReady: () => this.#breaker.reset(),
    });
    this.#subscriber = new RedisSubscriber(url, log);
  }

  async waitUntilReady(timeoutMs: number): Promise<boolean> {
    return this.#connection.waitUntilReady(timeoutMs);
  }

  async get(key: string, options: EphemeralOptions): Promise<Uint8Array | undefined> {
    assertEphemeralKey(key);
    const value = await this.#send<Buffer | null>(['GET', VALUE + key], options, AS_BYTES);
    return value ?? undefined;
  }

  async set(
    key: string,
    value: Uint8Array,
    options: EphemeralOptions & { ttlMs: number },
  ): Promise<void> {
    assertEphemeralKey(key);
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    await this.#send(['SET', VALUE + key, bytes, 'PX', `${wholeTtlMs(options.ttlMs)}`], options);
  }

  async delete(key: string, options: EphemeralOptions): Promise<void> {
    assertEphemeralKey(key);
    await this.#send(['DEL', VALUE + key, COUNTER + key], options);
  }

  async increment(
    key: string,
    amount: number,
    options: EphemeralOptions & { ttlMs: number },
  ): Promise<number> {
    assertEphemeralKey(key);
    assertAmount(amount);
    const argv = [`${amount}`, `${wholeTtlMs(options.ttlMs)}`];
    return this.#send<number>(['EVAL', INCREMENT_SCRIPT, '1', COUNTER + key, ...argv], options);
  }

  async acquireLease(
    key: string,
    owner: string,
    options: EphemeralOptions & { ttlMs: number },
  ): Promise<boolean> {
    assertEphemeralKey(key);
    const argv = [owner, `${wholeTtlMs(options.ttlMs)}`];
    return (await this.#send(['EVAL', ACQUIRE_SCRIPT, '1', LEASE + key, ...argv], options)) === 1;
  }

  async releaseLease(key: string, owner: string, options: EphemeralOptions): Promise<void> {
    assertEphemeralKey(key);
    await this.#send(['EVAL', RELEASE_SCRIPT, '1', LEASE + key, owner], options);
  }

  async reserve(request: ReserveRequest, options: EphemeralOptions): Promise<ReserveAnswer> {
    return this.#reservations.reserve(request, options);
  }

  async renew(
    leases: readonly HeldLease[],
    options: EphemeralOptions & { leaseMs: number },
  ): Promise<void> {
    await this.#reservations.renew(leases, options);
  }

  async settle(settlements: readonly Settlement[], options: EphemeralOptions): Promise<void> {
    await this.#reservations.settle(settlements, options);
  }

  async raiseSpent(spendings: readonly Spending[], options: EphemeralOptions): Promise<void> {
    await this.#reservations.raiseSpent(spendings, options);
  }

  async publish(channel: string, message: string, options: EphemeralOptions): Promise<void> {
    assertEphemeralKey(channel);
    await this.#send(['PUBLISH', CHANNEL + channel, message], options);
  }

  /** Takes effect at once when Redis is there, and otherwise as soon as it is back. */
  async subscribe(
    channel: string,
    onMessage: (message: string) => void,
  ): Promise<() => Promise<void>> {
    assertEphemeralKey(channel);
    return this.#subscriber.subscribe(CHANNEL + channel, onMessage);
  }

  /** Asks Redis itself, whatever the circuit breaker thinks. */
  async check(options: EphemeralOptions): Promise<void> {
    await sendWithin(this.#connection.client, ['PING'], options);
    this.#breaker.reset();
  }

  async close(): Promise<void> {
    await Promise.all([this.#connection.close(), this.#subscriber.close()]);
  }

  async #send<Reply>(
    command: readonly (string | Buffer)[],
    options: EphemeralOptions,
    commandOptions?: CommandOptions,
  ): Promise<Reply> {
    const { client } = this.#connection;
    try {
      const reply = await this.#breaker.run(() =>
        sendWithin<Reply>(client, command, options, { commandOptions, lastReply: this.#lastReply }),
      );
      this.#silences = 0;
      return reply;
    } catch (error) {
      if (isTimeout(error)) this.#countSilence(client);
      throw error;
    }
  }

  // The circuit opens first, so that from then on only probes are counted: about one a second.
  #countSilence(client: RedisClient): void {
    if (client !== this.#connection.client || !client.isReady) return;
    this.#silences += 1;
    if (this.#silences < SILENCES_MAX) return;
    this.#silences = 0;
    this.#connection.replace();
    this.#subscriber.replace();
  }
}
