import { OUTBOUND_REFUSED } from '../../../../lib/outbound-guard/index.ts';
import { isJsonObject, type JsonObject } from '../../field-checks.ts';
import type { UpstreamTimeouts } from '../../provider.ts';
import { failure, garbage, timedOut, UpstreamFailure } from '../../upstream-failure.ts';
import { retryAfterMs } from './retry-after.ts';

export interface FailedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Unix time in milliseconds, for a Retry-After that is a date. */
  readonly nowMs: number;
}

const MESSAGE_MAX = 2_000;
const RETRY_AFTER_DEFAULT_MS = 1_000;
/** The client's own mistakes, told in the upstream's own words. */
const CLIENT_STATUSES: readonly number[] = [400, 404, 413, 415, 422];

/** What the client is told about a status that is no success. */
export function failureOfStatus(
  answer: FailedAnswer,
  passed: Record<string, string>,
): UpstreamFailure {
  const { status } = answer;
  const error = errorOf(answer.body);
  if (CLIENT_STATUSES.includes(status)) return passedOn('4xx', answer, error, passed);
  if (status === 429) return passedOn('429', answer, error, passed);
  // 402: the account behind the credential has no money.
  if (status === 401 || status === 402 || status === 403) {
    // Its message may quote a part of our credential.
    return failure('4xx', 'upstream_authentication_failed', {
      message: `The upstream refused the credential of this installation (status ${status}).`,
    });
  }
  const logMessage = `The upstream answered with status ${status}.`;
  const message =
    error.message === undefined
      ? logMessage
      : `The upstream answered with status ${status}: ${error.message}.`;
  if (status === 408 || status === 504) {
    return failure('timeout', 'upstream_timeout', { message, logMessage, retryable: true });
  }
  // 529 is Anthropic's word for "overloaded"; proxies in front of other APIs have taken it over.
  if (status === 503 || status === 529) {
    return failure('5xx', 'upstream_unavailable', {
      message,
      logMessage,
      retryable: true,
      retryAfterMs: waitOf(answer),
    });
  }
  const retryable = status >= 500;
  return failure(retryable ? '5xx' : '4xx', 'upstream_error', { message, logMessage, retryable });
}

function passedOn(
  outcome: '4xx' | '429',
  answer: FailedAnswer,
  error: UpstreamError,
  passed: Record<string, string>,
): UpstreamFailure {
  const limited = outcome === '429';
  const fallback = limited ? 'upstream_rate_limited' : 'upstream_rejected';
  const waitMs = limited ? waitOf(answer) : undefined;
  const details = {
    code: error.code ?? fallback,
    status: answer.status,
    message: error.message ?? `The upstream answered with status ${answer.status}.`,
    param: error.param,
    type: error.type,
    // Without a time from the upstream another attempt would only add to its load.
    retryable: waitMs !== undefined && error.code !== 'insufficient_quota',
    retryAfterMs: limited ? (waitMs ?? RETRY_AFTER_DEFAULT_MS) : undefined,
  };
  return new UpstreamFailure(outcome, details, passed);
}

const waitOf = (answer: FailedAnswer) => retryAfterMs(answer.headers, answer.nowMs);

interface UpstreamError {
  readonly message?: string;
  readonly code?: string;
  readonly param?: string;
  readonly type?: string;
}

/** OpenAI's envelope, or what frameworks send instead: `{"detail"}`, `{"message"}`, a bare string. */
function errorOf(body: string): UpstreamError {
  const json = parsed(body);
  if (json === undefined) return {};
  const { error, detail } = json;
  if (typeof error === 'string') return { message: error.slice(0, MESSAGE_MAX) };
  const source = isJsonObject(error) ? error : json;
  const message = text(source, 'message') ?? (typeof detail === 'string' ? detail : undefined);
  return {
    message: message?.slice(0, MESSAGE_MAX),
    code: text(source, 'code'),
    param: text(source, 'param'),
    type: text(source, 'type'),
  };
}

function parsed(body: string): JsonObject | undefined {
  try {
    const json: unknown = JSON.parse(body);
    return isJsonObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

function text(object: JsonObject, key: string): string | undefined {
  const value = object[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

const UNREACHABLE: readonly string[] = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
];

/** What the client is told about an error of the network, or about an answer that is no HTTP. */
export function failureOfError(error: unknown, timeouts: UpstreamTimeouts): UpstreamFailure {
  if (error instanceof UpstreamFailure) return error;
  const code = codeOf(error);
  switch (code) {
    case OUTBOUND_REFUSED:
      return failure('unreachable', 'upstream_unavailable', {
        message: 'The upstream is at an address that this installation does not allow.',
        retryable: true,
        cause: error,
      });
    case 'UND_ERR_CONNECT_TIMEOUT':
      return failure('timeout', 'upstream_timeout', {
        message: `The upstream did not accept a connection within ${timeouts.connectMs} ms.`,
        retryable: true,
        cause: error,
      });
    case 'UND_ERR_HEADERS_TIMEOUT':
      return timedOut('begin its answer', timeouts.firstByteMs);
    case 'UND_ERR_BODY_TIMEOUT':
      return timedOut('go on with its answer', timeouts.betweenFramesMs);
    case 'UND_ERR_RES_EXCEEDED_MAX_SIZE':
      return garbage('The answer of the upstream is too long.', error);
  }
  if (code !== undefined && UNREACHABLE.includes(code)) {
    return failure('unreachable', 'upstream_unavailable', {
      message: `The upstream cannot be reached (${code}).`,
      retryable: true,
      cause: error,
    });
  }
  if (code?.startsWith('HPE_'))
    return garbage('The upstream answered with something that is no HTTP.', error);
  return failure('reset', 'upstream_error', {
    message: `The connection to the upstream broke${code === undefined ? '' : ` (${code})`}.`,
    retryable: true,
    cause: error,
  });
}

/** The code of the error or of its causes: several addresses of one name come as one `AggregateError`. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return codeOf(error.cause);
}
