import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { AppError } from '../../lib/app-error.ts';
import type { Clock } from '../../ports/clock.ts';
import { changerOf } from '../identity/index.ts';
import type { AccessRecorder } from './access-recorder.ts';
import { ACCESS_ROUTES, type AccessRoute, pathBelowPrefix } from './access-routes.ts';
import type { AuditOutcome } from './audit-event.ts';
import { auditEvent } from './record-change.ts';

const DENIALS_MAX = 50;
const WINDOW_MS = 10_000;

export interface WatchServices {
  readonly access: AccessRecorder;
  readonly clock: Clock;
}

/**
 * Writes down who reads and who is refused on the routes that are registered on `app` after it. Other routes pay
 * nothing for it.
 */
export function watchRoutes(app: FastifyInstance, services: WatchServices): void {
  app.addHook('onRoute', (route) => watchAccess(route, services));
  const isWithinRate = rateOf(services.clock);
  app.addHook('onError', async (request, _reply, error) => {
    if (!isDenial(error) || request.principal === null) return;
    const suppressed = isWithinRate();
    if (suppressed !== undefined) recordDenial(services, request, { error, suppressed });
  });
}

function watchAccess(route: RouteOptions, services: WatchServices): void {
  const watched = ACCESS_ROUTES[`${String(route.method)} ${pathBelowPrefix(route.url)}`];
  if (watched === undefined) return;
  const { preHandler, onResponse } = route;
  const admit = async () => services.access.admit();
  const settle = async (request: FastifyRequest, reply: FastifyReply) => {
    // Refused before it was admitted: a denial, or a request that was wrong.
    if (admitted.delete(request)) settleAccess(services, watched, { request, reply });
  };
  const admitted = new WeakSet<FastifyRequest>();
  const admitOnce = async (request: FastifyRequest) => {
    await admit();
    admitted.add(request);
  };
  route.preHandler = [admitOnce, ...[preHandler ?? []].flat()];
  route.onResponse = [...[onResponse ?? []].flat(), settle];
}

function settleAccess(
  { access, clock }: WatchServices,
  { action, kind, param }: AccessRoute,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
): void {
  const parameters = request.params as Readonly<Record<string, string>>;
  const id = param === undefined ? null : (parameters[param] ?? null);
  const outcome = outcomeOf(reply.statusCode);
  const reason = outcome === 'success' ? undefined : `status ${reply.statusCode}`;
  const change = { action, resource: { kind, id }, outcome, reason };
  access.settle(auditEvent(clock, changerOf(request), change));
}

function outcomeOf(status: number): AuditOutcome {
  if (status < 400) return 'success';
  return status === 401 || status === 403 ? 'denied' : 'failed';
}

function recordDenial(
  { access, clock }: WatchServices,
  request: FastifyRequest,
  { error, suppressed }: { error: AppError; suppressed: number },
): void {
  const more = suppressed === 0 ? '' : ` (${suppressed} more were not written down before it)`;
  const route = `${request.method} ${request.routeOptions.url ?? ''}`;
  const change = {
    action: 'access.denied' as const,
    resource: { kind: 'route', id: route },
    outcome: 'denied' as const,
    reason: `${error.code}${more}`,
  };
  access.record(auditEvent(clock, changerOf(request), change));
}

const isDenial = (error: Error): error is AppError =>
  error instanceof AppError && (error.status === 401 || error.status === 403);

/** Answers how many were left out before this one, or undefined when this one is too many. */
function rateOf(clock: Clock): () => number | undefined {
  const window = { startedAt: Number.NEGATIVE_INFINITY, recorded: 0, suppressed: 0 };
  return () => {
    const now = clock.monotonicMs();
    if (now - window.startedAt >= WINDOW_MS) Object.assign(window, { startedAt: now, recorded: 0 });
    if (window.recorded >= DENIALS_MAX) {
      window.suppressed += 1;
      return undefined;
    }
    window.recorded += 1;
    const { suppressed } = window;
    window.suppressed = 0;
    return suppressed;
  };
}
