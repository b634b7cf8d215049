import type { FastifyInstance } from 'fastify';
import type { AppError } from '../lib/app-error.ts';
import { httpError } from './errors.ts';

const DEPTH_MAX = 200;

/** PostgreSQL stores no U+0000, so it is refused at the door, in URLs here and in JSON bodies by `nulPath`. */
export function refuseNulInUrls(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.url.includes('%00')) done(nulError(undefined));
    else done();
  });
}

export function nulError(param: string | undefined): AppError {
  const place = param === undefined ? 'the URL' : `'${param || 'body'}'`;
  return httpError('invalid_value', `Invalid value for ${place}: U+0000 is not allowed.`, {
    param,
  });
}

/** Where a parsed JSON value has a text with U+0000, as a path like `items[0].name`; undefined when nowhere. */
export function nulPath(value: unknown, path = '', depth = 0): string | undefined {
  // Deeper than any schema of ours goes, and far from the end of the stack.
  if (depth > DEPTH_MAX) return path;
  if (typeof value === 'string') return value.includes('\0') ? path : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const step = Array.isArray(value) ? `[${name}]` : `${path === '' ? '' : '.'}${name}`;
    if (name.includes('\0')) return path;
    const found = nulPath(inner, path + step, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
