import type { FastifyInstance } from 'fastify';

const ALLOWED_HEADERS = [
  'authorization',
  'content-type',
  'x-api-key',
  'api-key',
  'x-request-id',
  'idempotency-key',
  'openai-organization',
  'openai-project',
  'openai-beta',
  'anthropic-version',
  'x-llamp-cache',
];
const EXPOSED_HEADERS =
  'x-request-id, retry-after, retry-after-ms, x-should-retry, x-ratelimit-limit-requests, ' +
  'x-ratelimit-limit-tokens, x-ratelimit-remaining-requests, x-ratelimit-remaining-tokens, ' +
  'x-ratelimit-reset-requests, x-ratelimit-reset-tokens, x-llamp-deployment, x-llamp-attempts, ' +
  'x-llamp-fallback, x-llamp-overhead-ms, x-llamp-cost-micros, x-llamp-cache, age';
const PREFLIGHT_MAX_AGE_SECONDS = '600';

/** Headers of every answer: the request id, safe defaults for browsers, and leave for pages of other origins. */
export function setCommonHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers({
      'x-request-id': request.id,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cache-control': 'no-store',
      // Any origin is safe: a browser never adds our credential by itself, it is no cookie.
      'access-control-allow-origin': '*',
      'access-control-expose-headers': EXPOSED_HEADERS,
    });
    done();
  });
}

/** What a browser may send; the clients' own `x-stainless-*` headers are named as they are asked for. */
export function preflightHeaders(requested: string | undefined): Record<string, string> {
  const stainless = (requested ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => /^x-stainless-[a-z0-9-]{1,64}$/.test(name));
  return {
    'access-control-allow-headers': [...ALLOWED_HEADERS, ...stainless].join(', '),
    'access-control-max-age': PREFLIGHT_MAX_AGE_SECONDS,
  };
}
