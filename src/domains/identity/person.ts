import type { FastifyRequest } from 'fastify';
import { originOf } from './change.ts';
import { identityError } from './errors.ts';
import { type Principal, principalOf, type RequestOrigin } from './principal.ts';

/** Somebody who has signed in, with where the request came from. */
export interface Person extends Principal {
  readonly kind: 'user';
  readonly userId: string;
  readonly sessionId: string;
  readonly origin: RequestOrigin;
}

/** The caller of a route that belongs to the account of a person. */
export function personOf(request: FastifyRequest): Person {
  const { kind, userId, sessionId, ...rest } = principalOf(request);
  if (kind === 'user' && typeof userId === 'string' && sessionId !== undefined)
    return { ...rest, kind, userId, sessionId, origin: originOf(request) };
  throw identityError('not_signed_in', 'Only a person who has signed in has an account.', {
    param: 'authorization',
  });
}
