import type { Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../lib/metrics.ts';
import { routeOf } from './access-log.ts';
import { onAnswerEnd } from './answer-end.ts';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const MS_PER_SECOND = 1000;

/** Counts and times every request by route pattern. */
export function countRequests(app: FastifyInstance, metrics: Metrics): void {
  app.addHook('onRequest', (request, reply, done) => {
    metrics.httpInFlight.inc();
    onAnswerEnd(reply, () => {
      metrics.httpInFlight.dec();
      const method = METHODS.has(request.method) ? request.method : 'other';
      const route = routeOf(request);
      metrics.httpRequests.inc({ method, route, status: String(reply.raw.statusCode) });
      metrics.httpDuration.observe({ method, route }, reply.elapsedTime / MS_PER_SECOND);
    });
    done();
  });
}

/** `/metrics` on the main port, for a key with the scope. */
export function serveMetrics(app: FastifyInstance, metrics: Metrics): void {
  app.get(
    '/metrics',
    {
      config: { access: { action: 'metrics.read' } },
      schema: { summary: 'Metrics in the Prometheus text format', tags: ['operations'] },
    },
    async (_request, reply) =>
      reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
}

export interface MetricsListener {
  readonly port: number;
  close(): Promise<void>;
}

/** `/metrics` without a key on a port of its own, for a scraper in the same network. */
export async function listenForMetrics(options: {
  host: string;
  port: number;
  metrics: Metrics;
}): Promise<MetricsListener> {
  const { registry } = options.metrics;
  const { createServer } = await import('node:http');
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 10_000 },
    (request, response) => {
      const path = request.url?.split('?', 1)[0];
      if (path !== '/metrics' || request.method !== 'GET') {
        response
          .writeHead(404, { 'content-type': 'text/plain' })
          .end('only GET /metrics is here\n');
        return;
      }
      registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
        () => response.writeHead(500).end(),
      );
    },
  );
  server.listen(options.port, options.host);
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
