import type { AppError } from '../../lib/app-error.ts';
import { isJsonObject, type JsonObject } from './field-checks.ts';
import { failure, type UpstreamFailure, UpstreamFailure as Failure } from './upstream-failure.ts';

const MESSAGE_MAX = 500;
const CLIENT_STATUSES: readonly number[] = [400, 404, 413, 415, 422];
const CLIENT_CODES: readonly string[] = [
  'context_length_exceeded',
  'content_policy_violation',
  'invalid_prompt',
  'invalid_value',
  'missing_required_parameter',
  'string_above_max_length',
  'unsupported_parameter',
  'unsupported_value',
];
const CREDENTIAL_NAMES: readonly string[] = [
  'authentication_error',
  'invalid_api_key',
  'permission_error',
];

/** An error that an upstream sent with status 200: as an event of a stream, or as the whole answer. */
export function failureOfErrorEvent(error: unknown): UpstreamFailure {
  const message = messageOf(error) ?? 'no message';
  const logMessage = 'The upstream reported an error.';
  const source = isJsonObject(error) ? error : {};
  const status = statusOf(source);
  // First, because OpenAI calls a wrong key an `invalid_request_error` too.
  if (refusesCredential(source, status)) {
    return failure('4xx', 'upstream_authentication_failed', {
      message: 'The upstream refused the credential of this installation.',
    });
  }
  if (status === 429 || source['type'] === 'rate_limit_error') {
    return failure('429', 'upstream_rate_limited', {
      message,
      retryable: true,
      retryAfterMs: 1000,
    });
  }
  // Anthropic's word, with status 529 where one could still be sent.
  if (source['type'] === 'overloaded_error') {
    return failure('5xx', 'upstream_unavailable', { message, logMessage, retryable: true });
  }
  if (blamesClient(source, status)) {
    return new Failure('4xx', {
      code: textOf(source, 'code') ?? 'upstream_rejected',
      status: CLIENT_STATUSES.includes(status) ? status : 400,
      message,
      param: textOf(source, 'param'),
    });
  }
  return failure('5xx', 'upstream_error', {
    message: `The upstream reported an error: ${message}`,
    logMessage,
    retryable: true,
  });
}

/**
 * True for an error event that clients of the OpenAI API understand as it is, and may see: a message about a
 * credential may quote a part of it.
 */
export function isShownAsItIs(error: unknown): boolean {
  return (
    isJsonObject(error) &&
    typeof error['message'] === 'string' &&
    !refusesCredential(error, statusOf(error))
  );
}

// Some servers put the HTTP status that they could not send any more into the event.
function statusOf(error: JsonObject): number {
  const statuses = [error['status'], error['status_code'], error['code']].map(Number);
  return statuses.find((status) => status >= 400 && status < 600) ?? Number.NaN;
}

function refusesCredential(error: JsonObject, status: number): boolean {
  return status === 401 || status === 402 || status === 403 || namesOneOf(error, CREDENTIAL_NAMES);
}

function blamesClient(error: JsonObject, status: number): boolean {
  if (!Number.isNaN(status)) return CLIENT_STATUSES.includes(status);
  return error['type'] === 'invalid_request_error' || namesOneOf(error, CLIENT_CODES);
}

function namesOneOf(error: JsonObject, names: readonly string[]): boolean {
  const given = [textOf(error, 'type'), textOf(error, 'code')];
  return given.some((name) => name !== undefined && names.includes(name));
}

/** A number in `code` is a status, not a code. */
function textOf(error: JsonObject, key: string): string | undefined {
  const value = error[key];
  return typeof value === 'string' && /\D/.test(value) ? value : undefined;
}

function messageOf(error: unknown): string | undefined {
  const message = isJsonObject(error) ? error['message'] : error;
  return typeof message === 'string' ? message.slice(0, MESSAGE_MAX) : undefined;
}

/** The event that ends a stream in failure. No `[DONE]` follows it: the answer is not whole. */
export function errorEvent(error: AppError): Buffer {
  const { message, type, code } = error;
  const body = { error: { message, type, param: error.param ?? null, code } };
  return Buffer.from(`data: ${JSON.stringify(body)}\n\n`);
}
