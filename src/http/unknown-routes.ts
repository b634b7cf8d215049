import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { httpError } from './errors.ts';
import { renderError } from './error-response.ts';
import { preflightHeaders } from './response-headers.ts';

interface KnownPath {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

/** Answers what no route matches: 404 in OpenAI's words, 405 with `Allow` for a path that exists, and OPTIONS. */
export function answerUnknownRoutes(app: FastifyInstance): void {
  const paths = new Map<string, KnownPath>();
  app.addHook('onRoute', ({ url, method }) => {
    const known = paths.get(url) ?? { pattern: patternOf(url), methods: new Set() };
    for (const one of [method].flat()) known.methods.add(one);
    paths.set(url, known);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = (request.url.split('?', 1)[0] ?? '').replace(/\/{2,}/g, '/');
    const methods = [...paths.values()]
      .filter((known) => known.pattern.test(path))
      .flatMap((known) => [...known.methods]);
    return answerUnknown(request, reply, { path, methods: [...new Set(methods)].sort() });
  });
}

function answerUnknown(
  request: FastifyRequest,
  reply: FastifyReply,
  found: { path: string; methods: string[] },
): FastifyReply {
  const { path, methods } = found;
  if (methods.length === 0) {
    const message = `Invalid URL (${request.method} ${path})`;
    return renderError(httpError('unknown_url', message), request, reply);
  }
  const allow = [...methods, 'OPTIONS'].join(', ');
  reply.header('allow', allow);
  if (request.method === 'OPTIONS') {
    const requested = request.headers['access-control-request-headers'];
    return reply
      .headers({ ...preflightHeaders(requested), 'access-control-allow-methods': allow })
      .code(204)
      .send();
  }
  const message = `Not allowed to ${request.method} on ${path} (allowed: ${methods.join(', ')})`;
  return renderError(httpError('method_not_allowed', message), request, reply);
}

function patternOf(url: string): RegExp {
  const source = url
    .split('/')
    .map((segment) => {
      if (segment === '*') return '.*';
      return segment.startsWith(':') ? '[^/]+' : segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    })
    .join('/');
  return new RegExp(`^${source}/?$`);
}
