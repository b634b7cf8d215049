import type { FastifyInstance } from 'fastify';
import { httpError } from './errors.ts';
import { isTooDeep, JSON_DEPTH_MAX } from './json-depth.ts';
import { unstorableTextError } from './unstorable-text.ts';

/**
 * JSON bodies for the whole application. An empty body with a JSON content type is a mistake, except on DELETE,
 * where clients send the header by habit.
 */
export function acceptJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string' },
    (request, body, done) => {
      if (body === '' && request.method === 'DELETE') return done(null, undefined);
      if (isTooDeep(body)) return done(tooDeep());
      return parse(request, body, (error, value) => {
        if (error !== null && error !== undefined) return done(invalidJson(error));
        return done(unstorableTextError(body, value) ?? null, value);
      });
    },
  );
}

/**
 * In this scope `request.body` is the Buffer as it came: the gateway forwards a client's bytes unchanged and parses
 * them once by itself.
 */
export function acceptRawJson(scope: FastifyInstance): void {
  scope.removeContentTypeParser('application/json');
  scope.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer' },
    (_request, body, done) => done(null, body),
  );
}

/** In this scope a form arrives as the Buffer that it is, for whoever passes it on. */
export function acceptRawForms(scope: FastifyInstance, maxBytes: number): void {
  scope.removeContentTypeParser('multipart/form-data');
  scope.addContentTypeParser<Buffer>(
    'multipart/form-data',
    { parseAs: 'buffer', bodyLimit: maxBytes },
    (_request, body, done) => done(null, body),
  );
}

const invalidJson = (cause: Error) =>
  httpError(
    'invalid_json',
    'We could not parse the JSON body of your request. The body must be a JSON document.',
    { cause },
  );

const tooDeep = () =>
  httpError('invalid_json', `The JSON body nests deeper than ${JSON_DEPTH_MAX} levels.`);
