import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { anthropicError } from '../lib/anthropic-error.ts';
import { AppError } from '../lib/app-error.ts';
import type { Log } from '../lib/log.ts';
import { DatabaseError } from '../ports/database.ts';
import { StoreUnavailableError } from '../ports/store-unavailable-error.ts';
import { VectorIndexError } from '../ports/vector-index.ts';
import { type HttpErrorCode, httpError } from './errors.ts';

export interface ErrorEnvelope {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

const DEFAULT_RETRY_AFTER_MS = 1000;
const DISCARD_MAX_BYTES = 1024 ** 3;
// The official clients repeat these by themselves unless told otherwise.
const isRepeatedByClients = (status: number) =>
  status === 408 || status === 409 || status === 429 || status >= 500;

/** OpenAI's error object: always all four keys, with real nulls. */
export function errorEnvelope(error: AppError): ErrorEnvelope {
  return {
    error: {
      message: error.message,
      type: error.type,
      param: error.param ?? null,
      code: error.code,
    },
  };
}

/** What an error says about trying again. */
export function retryHeaders(error: AppError): Record<string, string> {
  const { status, retryAfterMs, retryable, code } = error;
  const headers: Record<string, string> = {};
  if (status === 429 || status === 503) {
    const waitMs = retryAfterMs ?? DEFAULT_RETRY_AFTER_MS;
    headers['retry-after'] = String(Math.max(1, Math.ceil(waitMs / 1000)));
    headers['retry-after-ms'] = String(Math.max(0, Math.ceil(waitMs)));
  }
  const isPermanent = !retryable && retryAfterMs === undefined && code !== 'internal_error';
  if (isPermanent && isRepeatedByClients(status)) headers['x-should-retry'] = 'false';
  return headers;
}

/** Turns whatever was thrown into the error that the client may see. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  // The stores first: their errors have a code too, as those of the framework.
  const known = fromStore(error) ?? (isFrameworkError(error) ? fromFramework(error) : undefined);
  return known ?? httpError('internal_error', 'An internal error occurred.', { cause: error });
}

// A store that is away is no defect: the client may try again.
function fromStore(error: unknown): AppError | undefined {
  const isAway =
    error instanceof StoreUnavailableError ||
    (error instanceof DatabaseError && error.unavailable) ||
    (error instanceof VectorIndexError && error.code !== 'invalid_request');
  if (!isAway) return undefined;
  const message = 'A store that this request needs does not answer. Try again later.';
  return httpError('store_unavailable', message, { cause: error, retryable: true });
}

/** The one renderer of errors. */
export function errorHandler(log: Log) {
  return (thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const error = toAppError(thrown);
    logError(log, error, request);
    return renderError(error, request, reply);
  };
}

export function renderError(
  error: AppError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  reply.header('x-request-id', request.id);
  reply.headers(error.headers);
  for (const [name, value] of Object.entries(retryHeaders(error))) reply.header(name, value);
  // The stream or file that was being sent may have set these for itself.
  reply.removeHeader('content-length');
  reply.removeHeader('content-encoding');
  if (error.code === 'request_too_large') letClientFinish(request, reply);
  return reply
    .code(error.status)
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(envelopeFor(error, request, reply));
}

/** In the words of the API that the route belongs to. */
function envelopeFor(error: AppError, request: FastifyRequest, reply: FastifyReply) {
  if (request.routeOptions?.config?.errorDialect !== 'anthropic') return errorEnvelope(error);
  // Where its clients look for the id.
  reply.header('request-id', request.id);
  return anthropicError(error, request.id);
}

// The framework closes the connection of a body that it refuses, and the reset reaches the client before the answer.
// Left open, the rest of the body is read and thrown away, and the client sees why.
function letClientFinish(request: FastifyRequest, reply: FastifyReply): void {
  const declaredBytes = Number(request.headers['content-length'] ?? 0);
  if (declaredBytes <= DISCARD_MAX_BYTES) reply.removeHeader('connection');
}

function logError(log: Log, error: AppError, request: FastifyRequest): void {
  if (error.kind === 'user') return;
  const fields = {
    'http.request.id': request.id,
    'llamp.route': request.routeOptions?.url ?? 'unmatched',
    'error.code': error.code,
  };
  if (error.kind === 'operational') log.warn(fields, error.logMessage ?? error.message);
  // Only a defect needs its stack; the cause is what was thrown.
  else log.error({ ...fields, error: error.cause ?? error }, 'a request failed unexpectedly');
}

function isFrameworkError(error: unknown): error is FastifyError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}

function fromFramework(error: FastifyError): AppError | undefined {
  const code = codeOfFrameworkError(error);
  return code === undefined
    ? undefined
    : httpError(code, messageFor(code, error), {
        cause: error,
        retryable: code === 'request_timeout',
      });
}

const FRAMEWORK_CODES: Readonly<Record<string, HttpErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'request_too_large',
  FST_REQ_FILE_TOO_LARGE: 'request_too_large',
  FST_PARTS_LIMIT: 'request_too_large',
  FST_FILES_LIMIT: 'request_too_large',
  FST_FIELDS_LIMIT: 'request_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_content_type',
  FST_INVALID_MULTIPART_CONTENT_TYPE: 'unsupported_content_type',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_request',
  FST_ERR_BAD_URL: 'invalid_request',
  FST_ERR_MAX_PARAM_LENGTH: 'invalid_request',
  FST_PROTO_VIOLATION: 'invalid_request',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

function codeOfFrameworkError(error: FastifyError): HttpErrorCode | undefined {
  const known = FRAMEWORK_CODES[error.code];
  if (known !== undefined) return known;
  // Parsers of the framework and its plugins mark the client's mistakes with a status below 500.
  const { statusCode } = error;
  return statusCode !== undefined && statusCode >= 400 && statusCode < 500
    ? 'invalid_request'
    : undefined;
}

function messageFor(code: HttpErrorCode, error: FastifyError): string {
  if (code === 'invalid_json') {
    return 'We could not parse the JSON body of your request. The body must be a JSON document.';
  }
  if (code === 'request_too_large') return 'The request is too large.';
  if (code === 'unsupported_content_type') {
    return 'The content type of the request is not supported here; use application/json.';
  }
  return error.message;
}
