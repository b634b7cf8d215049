import type { FastifyRequest } from 'fastify';
import type { AddressRanges } from '../../lib/address-ranges.ts';
import type { Action } from './policy.ts';
import type { Role, Scope } from './role.ts';

/** Who a request acts as, and in which project. Every query for product data is bound to `projectId`. */
export interface Principal {
  readonly kind: 'api_key' | 'user' | 'service';
  readonly organizationId: string;
  readonly projectId: string;
  /** Null for people and for work that the platform does by itself. */
  readonly apiKeyId: string | null;
  /** For whom the call is made: who made the key. */
  readonly userId?: string | null;
  /** Of a user. */
  readonly sessionId?: string;
  readonly role?: Role;
  /** Where a user has the role. */
  readonly roleIn?: 'organization' | 'project';
  /** A second factor is required and missing: only the routes that enrol one are open. */
  readonly mustEnrol?: true;
  readonly scopes: readonly Scope[];
  /** The only models that calls may name; undefined: every one. */
  readonly models?: ReadonlySet<string>;
  /** Where requests may come from; undefined: anywhere. */
  readonly addresses?: AddressRanges;
  /** Only on calls that are written down. */
  readonly origin?: RequestOrigin;
}

/** Where a request came from. */
export interface RequestOrigin {
  readonly requestId: string;
  /** Null for what the platform does by itself in the course of a request. */
  readonly address: string | null;
  readonly userAgent: string | null;
}

/**
 * What a route asks of its caller: nothing, any live credential, or that the policy allows an action. Registration
 * fails for a route without it.
 */
export type RouteAccess = 'public' | 'authenticated' | { readonly action: Action };

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by authentication before any handler runs; use `principalOf`. */
    principal: Principal | null;
  }
  interface FastifyContextConfig {
    access?: RouteAccess;
    /** For people who have to enrol a second factor first. */
    openBeforeEnrolment?: true;
  }
}

/** The caller of a route that is not public. */
export function principalOf(request: FastifyRequest): Principal {
  if (request.principal === null)
    throw new Error('the route is public or authentication did not run');
  return request.principal;
}
