import type { AppError } from '../../lib/app-error.ts';
import { isJsonObject } from './field-checks.ts';
import { failure, type UpstreamFailure, UpstreamFailure as Failure } from './upstream-failure.ts';

const MESSAGE_MAX = 500;

/** An error that an upstream sent as an event of a stream whose status was already 200. */
export function failureOfErrorEvent(error: unknown): UpstreamFailure {
  const message = messageOf(error) ?? 'no message';
  const status = isJsonObject(error) ? Number(error['status'] ?? error['code']) : Number.NaN;
  // Some servers put the HTTP status that they could not send any more into the event.
  if (status === 429) {
    return failure('429', 'upstream_rate_limited', {
      message,
      retryable: true,
      retryAfterMs: 1000,
    });
  }
  if (status === 400 || status === 404 || status === 413 || status === 422) {
    return new Failure('4xx', { code: 'upstream_rejected', status, message });
  }
  return failure('5xx', 'upstream_error', {
    message: `The upstream reported an error: ${message}`,
    retryable: true,
  });
}

function messageOf(error: unknown): string | undefined {
  const message = isJsonObject(error) ? error['message'] : error;
  return typeof message === 'string' ? message.slice(0, MESSAGE_MAX) : undefined;
}

/** True for an error event that clients of the OpenAI API understand as it is. */
export function isWellFormedError(error: unknown): boolean {
  return isJsonObject(error) && typeof error['message'] === 'string';
}

/** The event that ends a stream in failure. No `[DONE]` follows it: the answer is not whole. */
export function errorEvent(error: AppError): Buffer {
  const { message, type, code } = error;
  const body = { error: { message, type, param: error.param ?? null, code } };
  return Buffer.from(`data: ${JSON.stringify(body)}\n\n`);
}
