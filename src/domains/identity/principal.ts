import type { FastifyRequest } from 'fastify';

export const SCOPES = ['inference', 'knowledge', 'management', 'metrics'] as const;
export type Scope = (typeof SCOPES)[number];

/** What a user may do in a project. */
export type Role = 'owner' | 'admin' | 'developer' | 'viewer' | 'auditor';

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
  readonly scopes: readonly Scope[];
  /** Only on calls that are written down. */
  readonly origin?: RequestOrigin;
}

/** Where a request came from. */
export interface RequestOrigin {
  readonly requestId: string;
  readonly address: string;
  readonly userAgent: string | null;
}

/**
 * What a route asks of its caller: nothing, any live key, or a key with a scope. Registration fails for a route
 * without it.
 */
export type RouteAccess = 'public' | 'authenticated' | { readonly scope: Scope };

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by authentication before any handler runs; use `principalOf`. */
    principal: Principal | null;
  }
  interface FastifyContextConfig {
    access?: RouteAccess;
  }
}

/** The caller of a route that is not public. */
export function principalOf(request: FastifyRequest): Principal {
  if (request.principal === null)
    throw new Error('the route is public or authentication did not run');
  return request.principal;
}
