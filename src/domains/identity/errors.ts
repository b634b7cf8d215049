import { AppError, type ErrorDefinition } from '../../lib/app-error.ts';

export const IDENTITY_ERRORS = {
  project_not_found: {
    status: 404,
    description:
      'The organization of the key has no such project. `GET /api/v1/projects` lists them.',
  },
  api_key_not_found: {
    status: 404,
    description: 'The organization of the key has no such API key. `GET /api/v1/keys` lists them.',
  },
  cursor_not_found: {
    status: 400,
    description: 'The cursor `after` names no entry of the list. Start again without a cursor.',
  },
  api_key_not_live: {
    status: 400,
    description: 'A revoked or expired API key cannot be changed or rotated. Create a new one.',
  },
  scope_not_held: {
    status: 403,
    description: 'Nobody grants a scope that they do not hold themselves.',
  },
  model_not_held: {
    status: 403,
    description: 'A key that is bound to models grants other keys these models only.',
  },
  member_not_found: {
    status: 404,
    description: 'Nobody with this user id belongs to the organization or the project.',
  },
  user_not_found: {
    status: 404,
    description: 'The organization has no such user. `GET /api/v1/users` lists them.',
  },
  already_member: {
    status: 409,
    description: 'The user belongs to the organization or the project already.',
  },
  last_owner: {
    status: 409,
    description: 'An organization keeps at least one owner. Make another one first.',
  },
  role_not_held: {
    status: 403,
    description:
      'Nobody gives, changes or takes a role above their own. API keys count as administrators.',
  },
  organization_out_of_reach: {
    status: 403,
    description: 'The role is one in a project; this belongs to the whole organization.',
  },
  invalid_expiry: { status: 400, description: '`expires_at` lies in the past.' },
  invalid_address_range: {
    status: 400,
    description:
      'An entry of `allowed_addresses` is neither an address nor a network such as `10.0.0.0/8`.',
  },
  invalid_one_time_link: {
    status: 400,
    description:
      'The one-time link is unknown, used or expired. Ask for another one; the operator makes them with `llamp users`.',
  },
  invalid_email: { status: 400, description: 'The e-mail address has no valid form.' },
  email_taken: { status: 400, description: 'Another user has this e-mail address already.' },
  invalid_password: { status: 400, description: 'The password needs 12 to 128 characters.' },
  invalid_credentials: {
    status: 401,
    description: 'E-mail address or password is wrong, or the user is disabled.',
  },
  too_many_sign_ins: {
    status: 429,
    description:
      'Too many attempts to sign in to this account or from this address. Wait as `retry-after` says.',
  },
  invalid_refresh_token: {
    status: 401,
    description:
      'The refresh token is unknown, used, expired, or its session has ended. Sign in again.',
  },
  sign_in_unavailable: {
    status: 503,
    description:
      'No key can sign tokens. Set `LLAMP_SECRET_KEY` on every instance, the same one as before.',
  },
  wrong_password: {
    status: 400,
    description: 'The present password, which the change asks for, is wrong.',
  },
  invalid_code: {
    status: 400,
    description:
      'The code is wrong, was used before, or its time is over. Wait for the next one, or use a recovery code.',
  },
  invalid_sign_in_ticket: {
    status: 401,
    description:
      'The ticket of the first step is unknown, used, or older than five minutes. Sign in again.',
  },
  second_factor_in_force: {
    status: 400,
    description: 'A second factor is in force already. Disable it before enrolling another one.',
  },
  second_factor_missing: {
    status: 400,
    description: 'There is no second factor to confirm or to disable. Enrol one first.',
  },
  second_factor_required: {
    status: 403,
    description:
      'Owners and administrators need a second factor here (`LLAMP_REQUIRE_TOTP`). Until it is enrolled, nothing else is open: `POST /api/v1/auth/totp`.',
  },
  session_not_found: {
    status: 404,
    description: 'You have no such open session. `GET /api/v1/auth/sessions` lists them.',
  },
  not_signed_in: {
    status: 403,
    description: 'The route belongs to the account of a person; an API key has none. Sign in.',
  },
  session_needs_https: {
    status: 400,
    description:
      'A session in a cookie needs https, except on this machine itself. Use https, or leave `session` out. Behind a proxy set `LLAMP_PUBLIC_URL`.',
  },
  wrong_origin: {
    status: 403,
    description:
      'A session in a cookie is used by pages of this installation alone. Behind a proxy set `LLAMP_PUBLIC_URL` to the address that browsers show.',
  },
  invalid_role: {
    status: 400,
    description:
      'The role does not exist there: in a whole organization people are owners, admins or auditors.',
  },
  invitation_not_found: {
    status: 404,
    description:
      'The organization has no such open invitation. `GET /api/v1/invitations` lists them.',
  },
  password_hashing_busy: {
    status: 503,
    description: 'Too many passwords are being checked at once. Try again in a moment.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export type IdentityErrorCode = keyof typeof IDENTITY_ERRORS;

export function identityError(
  code: IdentityErrorCode,
  message: string,
  details: { param?: string; retryAfterMs?: number; cause?: unknown } = {},
): AppError {
  const retryable = details.retryAfterMs !== undefined;
  return new AppError({
    code,
    status: IDENTITY_ERRORS[code].status,
    message,
    retryable,
    ...details,
  });
}

/** Missing and foreign are one answer, so that ids of others cannot be probed. */
export const projectNotFound = (id: string) =>
  identityError('project_not_found', `No project with id '${id}'.`, { param: 'project_id' });

export const apiKeyNotFound = (id: string) =>
  identityError('api_key_not_found', `No API key with id '${id}'.`, { param: 'key_id' });

export const memberNotFound = (id: string) =>
  identityError('member_not_found', `No member with user id '${id}'.`, { param: 'user_id' });

export const apiKeyNotLive = (id: string) =>
  identityError('api_key_not_live', `The API key '${id}' is revoked or expired.`, {
    param: 'key_id',
  });

export const expiryPassed = () =>
  identityError('invalid_expiry', "'expires_at' lies in the past.", { param: 'expires_at' });

export const cursorNotFound = (id: string) =>
  identityError('cursor_not_found', `The list has no entry '${id}'.`, { param: 'after' });

export const userNotFound = (id: string) =>
  identityError('user_not_found', `No user with id '${id}'.`, { param: 'user_id' });

export const unusableLink = () =>
  identityError('invalid_one_time_link', 'The one-time link is unknown, used or expired.', {
    param: 'token',
  });

export const signInUnavailable = (cause?: unknown) =>
  identityError('sign_in_unavailable', 'Nobody can sign in: the keys that sign are not at hand.', {
    cause,
  });

export const secondFactorRequired = () =>
  identityError('second_factor_required', 'Enrol a second factor first: POST /api/v1/auth/totp.', {
    param: 'authorization',
  });
