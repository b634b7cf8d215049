import type { AppError } from './app-error.ts';

export interface AnthropicErrorEnvelope {
  readonly type: 'error';
  readonly error: {
    readonly type: string;
    readonly message: string;
    readonly details: { readonly error_code: string; readonly param: string | null };
  };
  readonly request_id: string;
}

const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  409: 'conflict_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** The error object of Anthropic's API; our code and the field at fault stand in its details. */
export function anthropicError(error: AppError, requestId: string): AnthropicErrorEnvelope {
  const { status, message, code, param } = error;
  const type = TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  const details = { error_code: code, param: param ?? null };
  return { type: 'error', error: { type, message, details }, request_id: requestId };
}
