import type { Log } from '../../../lib/log.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { EphemeralStore } from '../../../ports/ephemeral-store.ts';
import type { Principal } from '../../identity/index.ts';
import { type AnswerForm, cacheKey } from './cache-key.ts';
import type { CacheableCall } from './cache-request.ts';
import { decodeAnswer, encodeAnswer } from './stored-answer.ts';

export interface ResponseCacheOptions {
  readonly store: Pick<EphemeralStore, 'get' | 'set'>;
  readonly clock: Clock;
  readonly log: Log;
  /** For calls that name no time of their own; undefined leaves them out of the cache. */
  readonly defaultTtlSeconds?: (principal: Principal) => number | undefined;
}

/** The place of one call in the cache. */
export interface CacheEntry {
  readonly key: string;
  readonly ttlMs: number;
  readonly mayReuse: boolean;
  readonly mayStore: boolean;
}

export interface CachedAnswer {
  readonly body: Buffer;
  readonly contentType: string;
  readonly ageSeconds: number;
}

/** An answer with its head is no larger than this in the store. */
export const STORED_BYTES_MAX = 256 * 1024;

const STORE_TIMEOUT_MS = 50;
const WRITES_OPEN_MAX = 64;

/**
 * Whole answers by exactly the same request of the same project, for clients that ask for it. The store may forget them
 * or be away: then the model is asked.
 */
export class ResponseCache {
  readonly #options: ResponseCacheOptions;
  #openWrites = 0;

  constructor(options: ResponseCacheOptions) {
    this.#options = options;
  }

  /** Undefined for a call that takes no part: nobody asked for it, or its body cannot be compared. */
  entry(call: CacheableCall, form: AnswerForm): CacheEntry | undefined {
    const { principal, endpoint, cache, body, headers } = call;
    const ttlSeconds = cache?.ttlSeconds ?? this.#options.defaultTtlSeconds?.(principal);
    if (ttlSeconds === undefined) return undefined;
    const { mayReuse = true, mayStore = true } = cache ?? {};
    if (!mayReuse && !mayStore) return undefined;
    const { projectId } = principal;
    const key = cacheKey({ projectId, endpoint, form, json: body.json, headers });
    return key === undefined ? undefined : { key, ttlMs: ttlSeconds * 1000, mayReuse, mayStore };
  }

  /** The stored answer unless it is older than this client wants. Never rejects. */
  async lookup(entry: CacheEntry, signal: AbortSignal): Promise<CachedAnswer | undefined> {
    const { store, clock, log } = this.#options;
    if (!entry.mayReuse) return undefined;
    try {
      const value = await store.get(entry.key, { timeoutMs: STORE_TIMEOUT_MS, signal });
      const stored = value && decodeAnswer(value);
      if (stored === undefined) return undefined;
      const ageMs = Math.max(0, clock.now().getTime() - stored.storedMs);
      if (ageMs >= entry.ttlMs) return undefined;
      const { body, contentType } = stored;
      return { body, contentType, ageSeconds: Math.floor(ageMs / 1000) };
    } catch (error) {
      log.debug({ error }, 'the response cache could not be read');
      return undefined;
    }
  }

  /** Keeps a whole answer; one that is too large, or that the store does not take, is not kept. Never rejects. */
  async store(entry: CacheEntry, answer: { body: Buffer; contentType: string }): Promise<void> {
    const { store, clock, log } = this.#options;
    if (!entry.mayStore || this.#openWrites >= WRITES_OPEN_MAX) return;
    const value = encodeAnswer({ ...answer, storedMs: clock.now().getTime() });
    if (value.length > STORED_BYTES_MAX) return;
    this.#openWrites += 1;
    try {
      await store.set(entry.key, value, { timeoutMs: STORE_TIMEOUT_MS, ttlMs: entry.ttlMs });
    } catch (error) {
      log.debug({ error }, 'an answer could not be put into the response cache');
    } finally {
      this.#openWrites -= 1;
    }
  }
}
