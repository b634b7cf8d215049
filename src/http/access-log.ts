import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../lib/log.ts';
import { onAnswerEnd } from './answer-end.ts';

const NANOSECONDS_PER_MS = 1_000_000;

/** One line for each request, also for streams and for clients that went away. Queries are dropped: they hold secrets. */
export function logAccess(app: FastifyInstance, log: Log): void {
  const access = log.child({ 'event.dataset': 'llamp.access' });
  app.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw;
    const bytesBefore = socket?.bytesWritten ?? 0;
    onAnswerEnd(reply, () => {
      // Head and body of this answer: the counter of the connection, before and after.
      const sizeBytes = (socket?.bytesWritten ?? 0) - bytesBefore;
      access.info(accessFields(request, reply, sizeBytes), 'request');
    });
    done();
  });
}

function accessFields(request: FastifyRequest, reply: FastifyReply, sizeBytes: number) {
  const { principal } = request;
  return {
    'http.request.id': request.id,
    'http.request.method': request.method,
    'url.path': request.url.split('?', 1)[0],
    'llamp.route': routeOf(request),
    'http.response.status_code': reply.raw.statusCode,
    'http.response.bytes': sizeBytes,
    'event.duration': Math.round(reply.elapsedTime * NANOSECONDS_PER_MS),
    'event.outcome': outcomeOf(reply),
    'llamp.key_id': principal?.apiKeyId ?? null,
    'llamp.project_id': principal?.projectId ?? null,
    'client.ip': request.ip,
    'user_agent.original': request.headers['user-agent'] ?? null,
  };
}

/** The pattern, not the path: bounded in number. */
export function routeOf(request: FastifyRequest): string {
  return request.is404 ? 'unmatched' : (request.routeOptions.url ?? 'unmatched');
}

function outcomeOf(reply: FastifyReply): 'success' | 'failure' | 'unknown' {
  // The client went away before the answer was complete.
  if (!reply.raw.writableFinished) return 'unknown';
  return reply.raw.statusCode < 400 ? 'success' : 'failure';
}
