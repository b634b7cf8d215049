import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AppError } from '../lib/app-error.ts';
import { httpError } from './errors.ts';

// In the text of a JSON document both can only stand as escapes.
const ESCAPED = /\\u(?:0000|d[89a-f][0-9a-f]{2})/i;

/** PostgreSQL stores no U+0000, so it is refused at the door; JSON bodies are checked by `unstorableTextError`. */
export function refuseNulInUrls(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.url.includes('%00')) done(nulInUrl(request));
    else done();
  });
}

/** Names the parameter of the path or the query that has it; none for a path that no route has. */
function nulInUrl({ params, url }: FastifyRequest): AppError {
  const inPath = Object.entries({ ...(params as object) }).find(([, value]) =>
    String(value).includes('\0'),
  );
  const [, query = ''] = url.split('?', 2);
  const inQuery = query.split('&').find((pair) => pair.includes('%00'));
  const param = inPath?.[0] ?? inQuery?.split('=', 1)[0]?.replaceAll('%00', '');
  return httpError('invalid_value', 'Invalid value for the URL: U+0000 is not allowed.', { param });
}

/**
 * What is wrong with a document that holds U+0000 or half of a surrogate pair, which PostgreSQL does not store;
 * undefined for one that does not. `value` is what the text says.
 */
export function unstorableTextError(text: string, value: unknown): AppError | undefined {
  // Most documents have neither and need no second look.
  const param = ESCAPED.test(text) ? unstorablePath(value, '') : undefined;
  if (param === undefined) return undefined;
  const message = `Invalid value for '${param || 'body'}': U+0000 and halves of surrogate pairs are not allowed.`;
  return httpError('invalid_value', message, { param });
}

const isUnstorable = (text: string) => text.includes('\0') || !text.isWellFormed();

/** As a path like `items[0].name`. The depth is bounded by then. */
function unstorablePath(value: unknown, path: string): string | undefined {
  if (typeof value === 'string') return isUnstorable(value) ? path : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    if (isUnstorable(name)) return path;
    const step = Array.isArray(value) ? `[${name}]` : `${path === '' ? '' : '.'}${name}`;
    const found = unstorablePath(inner, path + step);
    if (found !== undefined) return found;
  }
  return undefined;
}
