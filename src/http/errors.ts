import { AppError, type ErrorDefinition } from '../lib/app-error.ts';

export const HTTP_ERRORS = {
  invalid_api_key: {
    status: 401,
    description:
      'No key was sent, or it is unknown, expired or revoked. Send `Authorization: Bearer <key>`.',
  },
  insufficient_permissions: {
    status: 403,
    description: 'The key lacks the scope that the route asks for. Use another key.',
  },
  ip_not_authorized: {
    status: 403,
    description:
      'The key may not be used from the address of the client. Use it from an address of its `allowed_addresses`.',
  },
  unknown_url: { status: 404, description: 'No route has this path. Check the base URL.' },
  method_not_allowed: {
    status: 405,
    description: 'The path exists, but not for this method. `Allow` lists the methods.',
  },
  invalid_json: {
    status: 400,
    description: 'The body is not valid JSON, it is empty, or it nests deeper than 200 levels.',
  },
  invalid_request: {
    status: 400,
    description: 'The request is malformed as HTTP, for example its path or its length.',
  },
  missing_required_parameter: {
    status: 400,
    description: 'A field is missing. `param` names it.',
  },
  unknown_parameter: {
    status: 400,
    description: 'A field is not known to this route. `param` names it.',
  },
  invalid_type: { status: 400, description: 'A field has the wrong type. `param` names it.' },
  invalid_value: {
    status: 400,
    description: 'A field has a value that is not allowed. `param` names it.',
  },
  request_timeout: {
    status: 408,
    description: 'The request did not arrive in time. Send it again.',
  },
  request_too_large: {
    status: 413,
    description:
      'The body or a file is larger than LLAMP_BODY_MAX_BYTES or LLAMP_FILE_MAX_BYTES allows.',
  },
  unsupported_content_type: {
    status: 415,
    description: 'The content type is not accepted here. Most routes take `application/json`.',
  },
  expectation_failed: {
    status: 417,
    description: 'The `Expect` header asks for something other than `100-continue`.',
  },
  headers_too_large: { status: 431, description: 'The headers are larger than 16 KiB.' },
  internal_error: {
    status: 500,
    description:
      'A defect of the platform. The log has the stack under the request id; please report it.',
  },
  store_unavailable: {
    status: 503,
    description:
      'A store that the request needs does not answer. Try again; `/health` says which one it is.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export type HttpErrorCode = keyof typeof HTTP_ERRORS;

export function httpError(
  code: HttpErrorCode,
  message: string,
  details: { param?: string; cause?: unknown; retryable?: boolean } = {},
): AppError {
  return new AppError({ code, status: HTTP_ERRORS[code].status, message, ...details });
}
