import { AppError, type ErrorDefinition } from '../../lib/app-error.ts';

export const GATEWAY_ERRORS = {
  invalid_json: {
    status: 400,
    description:
      'The body is no JSON object: empty, cut, not JSON, or an array. Send one JSON object.',
  },
  invalid_value: {
    status: 400,
    description:
      'A known field has a value outside its type or range; `param` names it. Values are never clamped silently.',
  },
  missing_required_parameter: {
    status: 400,
    description: 'A required field is missing; `param` names it.',
  },
  invalid_form: {
    status: 400,
    description:
      'The body is no multipart form that can be read: no boundary, a part without a name, or cut. The message says which.',
  },
  unsupported_content_type: {
    status: 415,
    description:
      'The endpoint takes a form where JSON was sent, or JSON where a form was sent. The message names the right one.',
  },
  unsupported_parameter: {
    status: 400,
    description:
      'The provider behind the model cannot do what this field asks; `param` names it. Leave it out, or choose a model of another provider.',
  },
  unsupported_endpoint: {
    status: 400,
    description:
      'The model does not serve this endpoint, for example chat with an embedding model. Choose another model.',
  },
  content_filter: {
    status: 400,
    description:
      'A guardrail denies the request or the answer; the message names it. Each decision stands in the audit log.',
  },
  guardrail_unavailable: {
    status: 503,
    description:
      'The webhook of a guardrail does not answer as it should, and calls may not go on without it. Wait and try again.',
  },
  guardrail_secret_unavailable: {
    status: 503,
    description: 'A secret needs a key that seals it. Set `LLAMP_SECRET_KEY` on every instance.',
  },
  guardrail_exists: { status: 409, description: 'Another guardrail has this name already.' },
  guardrail_not_found: {
    status: 404,
    description: 'The organization has no such guardrail. `GET /api/v1/guardrails` lists them.',
  },
  client_closed_request: {
    status: 499,
    description: 'The client went away before the answer; the upstream call was cancelled.',
  },
  upstream_rejected: {
    status: 400,
    description:
      'The upstream refused the request as wrong (400, 404, 413, 422) and gave no code of its own. Its message is passed on.',
  },
  upstream_rate_limited: {
    status: 429,
    description:
      'The upstream limits its own rate and gave no code of its own. Wait for Retry-After, or raise the limit there.',
  },
  upstream_authentication_failed: {
    status: 502,
    description:
      'The upstream refused the credential of this installation (401, 402 or 403). Check OPENAI_API_KEY; the key of the caller is not at fault.',
  },
  upstream_error: {
    status: 502,
    description:
      'The upstream failed: a 5xx, a reset connection, or an answer that is not what the protocol says. The message says which.',
  },
  upstream_unavailable: {
    status: 503,
    description:
      'The upstream cannot be reached, or said 503. Check OPENAI_API_BASE and its health.',
  },
  upstream_overloaded: {
    status: 503,
    description: 'Too many calls to this upstream wait already. Slow down, or run more instances.',
  },
  upstream_timeout: {
    status: 504,
    description:
      'The upstream did not connect, answer, or go on in time. The message says which of the time-outs it was.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export type GatewayErrorCode = keyof typeof GATEWAY_ERRORS;

interface Details {
  readonly message: string;
  readonly param?: string;
  readonly retryable?: boolean;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** An error of the table above, with its status. */
export function gatewayError(code: GatewayErrorCode, details: Details): AppError {
  return new AppError({ code, status: GATEWAY_ERRORS[code].status, ...details });
}

export function invalidValue(param: string, expectation: string): AppError {
  return gatewayError('invalid_value', {
    message: `Invalid value for '${param}': ${expectation}.`,
    param,
  });
}

export const guardrailNotFound = (id: string) =>
  gatewayError('guardrail_not_found', {
    message: `No guardrail with id '${id}'.`,
    param: 'guardrail_id',
  });

export function clientClosed(): AppError {
  return gatewayError('client_closed_request', { message: 'The client closed the connection.' });
}
