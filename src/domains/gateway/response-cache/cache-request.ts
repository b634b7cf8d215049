import type { IncomingHttpHeaders } from 'node:http';
import { invalidValue } from '../errors.ts';
import type { InferenceCall } from '../inference-service.ts';

/** What a client asks of the response cache. */
export interface CacheRequest {
  /** Undefined when the client named none: what its key has by default. */
  readonly ttlSeconds: number | undefined;
  /** A stored answer will do. */
  readonly mayReuse: boolean;
  /** The answer may be kept for others of the project. */
  readonly mayStore: boolean;
}

/** A call that may be answered from the cache. */
export interface CacheableCall extends InferenceCall {
  readonly cache?: CacheRequest;
}

const HEADER = 'x-llamp-cache';
const TTL_MAX_SECONDS = 30 * 86_400;

/** Undefined when no header is about the cache; throws the 400 for one that says something else. */
export function cacheRequestOf(headers: IncomingHttpHeaders): CacheRequest | undefined {
  const own = directives(headers[HEADER]);
  // The standard header, of which only refusals concern us: browsers send it when a page is reloaded.
  const standard = directives(headers['cache-control']);
  if (own.length === 0 && standard.length === 0) return undefined;
  let ttlSeconds: number | undefined;
  for (const directive of own) {
    if (directive === 'no-store' || directive === 'no-cache') continue;
    ttlSeconds = ttlOf(directive);
  }
  const refused = new Set([...own, ...standard]);
  return {
    ttlSeconds,
    mayReuse: !refused.has('no-cache'),
    mayStore: !refused.has('no-store'),
  };
}

function directives(header: string | string[] | undefined): string[] {
  if (header === undefined) return [];
  return String(header)
    .split(',')
    .map((directive) => directive.trim().toLowerCase())
    .filter((directive) => directive !== '');
}

function ttlOf(directive: string): number {
  const seconds = Number(/^ttl=(\d{1,9})$/.exec(directive)?.[1] ?? Number.NaN);
  if (seconds >= 1 && seconds <= TTL_MAX_SECONDS) return seconds;
  throw invalidValue(
    HEADER,
    `expected 'no-cache', 'no-store' or 'ttl=<seconds>' from 1 to ${TTL_MAX_SECONDS}`,
  );
}
