import { AppError, type ErrorDefinition } from '../../lib/app-error.ts';

export const USAGE_ERRORS = {
  usage_record_not_found: {
    status: 400,
    description:
      'The cursor `after` names no usage record of this project. Start again without a cursor.',
  },
  rate_limit_exceeded: {
    status: 429,
    description:
      'A limit of requests, tokens or parallel calls is reached. Wait as long as `Retry-After` says; a call that is larger than the limit itself never passes.',
  },
  insufficient_quota: {
    status: 429,
    description:
      'A budget is used up, or held by calls that still run; only the latter carries a time to wait. Raise the budget with `PATCH /api/v1/limits/{id}` or wait for its next period.',
  },
  limit_not_found: {
    status: 404,
    description: 'The organization has no such limit. `GET /api/v1/limits` lists them.',
  },
  limit_exists: {
    status: 409,
    description:
      'There is a limit of this kind and period for the same scope. Change its amount instead.',
  },
  limit_scope_not_found: {
    status: 400,
    description: '`scope_id` names no API key or project of the organization.',
  },
  invalid_limit: {
    status: 400,
    description:
      'The fields of a limit do not go together: money needs the period `day`, `month` or `total`; requests and tokens go by the `minute`; parallel calls have no period.',
  },
  limit_cursor_not_found: {
    status: 400,
    description: 'The cursor `after` names no entry of the list. Start again without a cursor.',
  },
  no_prices: {
    status: 404,
    description: 'There is no price list yet. `PUT /api/v1/prices` makes one.',
  },
  price_version_not_found: {
    status: 404,
    description: 'There is no such price list. `GET /api/v1/prices/versions` lists them.',
  },
  duplicate_price: { status: 400, description: 'A price list names the same model twice.' },
  invalid_price_pattern: {
    status: 400,
    description: 'Only the last character of a model in a price list may be `*`.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export type UsageErrorCode = keyof typeof USAGE_ERRORS;

export function usageError(
  code: UsageErrorCode,
  message: string,
  details: {
    param?: string;
    retryAfterMs?: number;
    headers?: Readonly<Record<string, string>>;
    type?: string;
  } = {},
): AppError {
  const retryable = details.retryAfterMs !== undefined;
  return new AppError({ code, status: USAGE_ERRORS[code].status, message, retryable, ...details });
}

export const usageRecordNotFound = (id: string) =>
  usageError('usage_record_not_found', `No usage record with id '${id}' in this project.`, {
    param: 'after',
  });

/** Missing and foreign are one answer, so that ids of others cannot be probed. */
export const limitNotFound = (id: string) =>
  usageError('limit_not_found', `No limit with id '${id}'.`, { param: 'limit_id' });

export const limitExists = () =>
  usageError('limit_exists', 'There is such a limit for this scope already.', {
    param: 'scope_id',
  });

export const limitScopeNotFound = (id: string) =>
  usageError('limit_scope_not_found', `The organization has no '${id}'.`, { param: 'scope_id' });

export const invalidLimit = (param: string, message: string) =>
  usageError('invalid_limit', message, { param });

export const cursorNotFound = (id: string) =>
  usageError('limit_cursor_not_found', `The list has no entry '${id}'.`, { param: 'after' });

export const noPrices = () => usageError('no_prices', 'There is no price list yet.');

export const priceVersionNotFound = (id: string) =>
  usageError('price_version_not_found', `No price list with id '${id}'.`, { param: 'version_id' });

export const duplicatePrice = (model: string, param: string) =>
  usageError('duplicate_price', `The model '${model}' has a price already.`, { param });

export const invalidPricePattern = (model: string, param: string) =>
  usageError('invalid_price_pattern', `'${model}' has a '*' that is not its last character.`, {
    param,
  });
