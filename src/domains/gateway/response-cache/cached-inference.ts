import { isJsonObject, type JsonObject } from '../field-checks.ts';
import type { AnsweredStream } from '../inference-service.ts';
import type { JsonAnswer } from '../provider.ts';
import { asksForUsage } from '../request-body.ts';
import type { CacheableCall } from './cache-request.ts';
import { KeptEvents } from './kept-events.ts';
import {
  type CachedAnswer,
  type CacheEntry,
  type ResponseCache,
  STORED_BYTES_MAX,
} from './response-cache.ts';

/** Answers calls: the inference service, or something in front of it. */
export interface Inference {
  complete(call: CacheableCall): Promise<JsonAnswer>;
  stream(call: CacheableCall, patienceMs: number): Promise<AnsweredStream>;
}

/**
 * Authorizes, limits and records a call that the cache answers; resolves with its headers, rejects as a call that no
 * model may answer would.
 */
export type MeterHit = (
  call: CacheableCall,
  streamed: boolean,
) => Promise<Readonly<Record<string, string>>>;

const MISS = { 'x-llamp-cache': 'miss' };
const EVENTS = 'text/event-stream';

/** Puts the cache in front of `inference`, for the calls that ask for it. */
export function cachedInference(
  inference: Inference,
  cache: ResponseCache,
  meterHit: MeterHit,
): Inference {
  return {
    complete: async (call) => {
      const entry = cache.entry(call, 'json');
      if (entry === undefined) return inference.complete(call);
      const stored = await cache.lookup(entry, call.signal);
      const json = stored && parsed(stored.body);
      if (stored !== undefined && json !== undefined) {
        const headers = hitHeaders(stored, await meterHit(call, false));
        return {
          headers: { ...headers, 'content-type': stored.contentType },
          body: stored.body,
          json,
        };
      }
      return storedAnswer(cache, entry, await inference.complete(call));
    },
    stream: async (call, patienceMs) => {
      const withUsage = asksForUsage(call.body.json);
      const entry = cache.entry(call, withUsage ? 'events-with-usage' : 'events');
      if (entry === undefined) return inference.stream(call, patienceMs);
      const stored = await cache.lookup(entry, call.signal);
      if (stored !== undefined) {
        const headers = hitHeaders(stored, await meterHit(call, true));
        return { headers, body: replayed(stored.body) };
      }
      return storedStream(cache, entry, await inference.stream(call, patienceMs));
    },
  };
}

function hitHeaders({ ageSeconds }: CachedAnswer, call: Readonly<Record<string, string>>) {
  return { ...call, 'x-llamp-cache': 'hit', age: String(ageSeconds) };
}

function storedAnswer(cache: ResponseCache, entry: CacheEntry, answer: JsonAnswer): JsonAnswer {
  const { headers, body } = answer;
  const contentType = headers['content-type'] ?? 'application/json';
  // Not awaited: the client has its answer, and this one never rejects.
  if (isOwn(headers)) void cache.store(entry, { body, contentType });
  return { ...answer, headers: { ...headers, ...MISS } };
}

function storedStream(
  cache: ResponseCache,
  entry: CacheEntry,
  { headers, body }: AnsweredStream,
): AnsweredStream {
  const shown = { ...headers, ...MISS };
  if (!entry.mayStore || !isOwn(headers)) return { headers: shown, body };
  return { headers: shown, body: kept(cache, entry, body) };
}

/** What another model said in place of the one that was asked is not kept for later, nor what may be so. */
const isOwn = (headers: Readonly<Record<string, string>>) =>
  headers['x-llamp-deployment'] !== undefined && headers['x-llamp-fallback'] === undefined;

async function* kept(
  cache: ResponseCache,
  entry: CacheEntry,
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  const events = new KeptEvents(STORED_BYTES_MAX);
  for await (const chunk of body) {
    events.add(chunk);
    yield chunk;
  }
  const whole = events.whole();
  if (whole !== undefined) void cache.store(entry, { body: whole, contentType: EVENTS });
}

async function* replayed(body: Buffer): AsyncGenerator<Buffer, void, void> {
  yield body;
}

function parsed(body: Buffer): JsonObject | undefined {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'));
    return isJsonObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}
