import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import {
  isAction,
  may,
  POLICY,
  type Principal,
  type RouteAccess,
  secondFactorRequired,
} from '../domains/identity/index.ts';
import type { AppError } from '../lib/app-error.ts';
import { httpError } from './errors.ts';

/**
 * Finds who a key or an access token acts as, without waiting: both are checked in memory. Null for one that is not live.
 * People may name one of their projects.
 */
export type Authenticate = (credential: string, projectId?: string) => Principal | null;

/** Checks every route before its body is read. A route that does not say who may call it fails to register. */
export function requireAuthentication(app: FastifyInstance, authenticate: Authenticate): void {
  app.decorateRequest('principal', null);
  app.addHook('onRoute', requireAccessRule);
  app.addHook('onRequest', (request, _reply, done) => {
    const access = request.is404 ? 'public' : request.routeOptions.config.access;
    // What is thrown here reaches the framework as a refusal of the request.
    if (access !== 'public') authorize(request, access, authenticate);
    done();
  });
}

function requireAccessRule(route: RouteOptions): void {
  const access = route.config?.access;
  if (access === undefined) {
    throw new Error(`route ${String(route.method)} ${route.url} does not say who may call it`);
  }
  if (typeof access === 'object' && !isAction(access.action)) {
    throw new Error(`route ${String(route.method)} ${route.url} names an action without a rule`);
  }
}

function authorize(
  request: FastifyRequest,
  access: RouteAccess | undefined,
  authenticate: Authenticate,
): void {
  const key = apiKeyOf(request);
  if (key === undefined) throw missingKey();
  const principal = authenticate(key, single(request.headers['x-llamp-project']));
  if (principal === null) throw wrongKey(key);
  // Also for a refusal: the audit log tells who was refused.
  request.principal = principal;
  requireAddress(request, principal);
  if (principal.mustEnrol && request.routeOptions.config.openBeforeEnrolment !== true)
    throw secondFactorRequired();
  if (access === 'authenticated') return;
  if (typeof access === 'object' && may(principal, access.action)) return;
  throw forbidden(principal, access);
}

function forbidden(principal: Principal, access: RouteAccess | undefined): AppError {
  const action = typeof access === 'object' ? access.action : undefined;
  const scope = action === undefined ? 'unknown' : POLICY[action].scope;
  const reason =
    principal.kind === 'user'
      ? `Your role '${principal.role ?? 'none'}' does not allow '${action ?? 'unknown'}'.`
      : `Missing scope: ${scope}.`;
  return httpError(
    'insufficient_permissions',
    `You have insufficient permissions for this operation. ${reason}`,
  );
}

function requireAddress(request: FastifyRequest, { addresses }: Principal): void {
  if (addresses === undefined || addresses.has(request.ip)) return;
  throw httpError(
    'ip_not_authorized',
    `This API key may not be used from the address ${request.ip}.`,
  );
}

/** Bearer as OpenAI's clients send it, `x-api-key` as Anthropic's, `api-key` as Azure's. */
function apiKeyOf(request: FastifyRequest): string | undefined {
  const { authorization } = request.headers;
  const bearer = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  return bearer ?? single(request.headers['x-api-key']) ?? single(request.headers['api-key']);
}

const single = (header: string | string[] | undefined) =>
  typeof header === 'string' && header !== '' ? header : undefined;

function missingKey(): AppError {
  return httpError(
    'invalid_api_key',
    "You didn't provide an API key. Provide it in an Authorization header using Bearer auth (Authorization: Bearer YOUR_KEY).",
  );
}

function wrongKey(key: string): AppError {
  return httpError('invalid_api_key', `Incorrect API key provided: ${masked(key)}.`);
}

// Enough to recognise which key was used by mistake; a short text is not shown at all.
function masked(key: string): string {
  return key.length < 16 ? '****' : `${key.slice(0, 6)}****${key.slice(-4)}`;
}
