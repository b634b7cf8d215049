import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fastify } from 'fastify';
import { systemClock } from '../../../src/adapters/clock/system.ts';
import {
  type CallCatalogue,
  deploymentHealthRoutes,
  gatewayRoutes,
  type InferenceOptions,
  openInference,
  relayRoutes,
  type UpstreamTimeouts,
} from '../../../src/domains/gateway/index.ts';
import { modelRoutes, openModelCatalogue } from '../../../src/domains/models/index.ts';
import type { BegunCall, UsageRecord } from '../../../src/domains/usage/index.ts';
import { errorHandler } from '../../../src/http/error-response.ts';
import { sendEventStream } from '../../../src/http/event-stream.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { createMetrics } from '../../../src/lib/metrics.ts';

export interface BareGateway {
  /** With `/v1` at the end. */
  readonly baseUrl: string;
  /** What the meter recorded, oldest first. */
  readonly records: UsageRecord[];
  /** Calls that were announced before an upstream was asked. */
  readonly begun: BegunCall[];
  readonly metrics: ReturnType<typeof createMetrics>;
  post(path: string, body: object | string, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

export interface BareGatewayOptions {
  readonly upstream?: { baseUrl: string; apiKey?: string };
  readonly timeouts?: Partial<UpstreamTimeouts>;
  readonly keepAliveMs?: number;
  /** Instead of the models of `upstream`. */
  readonly catalogue?: CallCatalogue;
  /** What the gateway gets beside the usual. */
  readonly inference?: Partial<InferenceOptions>;
}

const PRINCIPAL = {
  kind: 'api_key' as const,
  organizationId: 'org_1',
  projectId: 'proj_1',
  apiKeyId: 'key_1',
  scopes: ['inference' as const],
};

/** The routes of gateway and models on a server of their own, everybody being one principal; usage is kept in memory. */
export async function startBareGateway(options: BareGatewayOptions): Promise<BareGateway> {
  const records: UsageRecord[] = [];
  const begun: BegunCall[] = [];
  const metrics = createMetrics();
  const shared = { clock: systemClock, log: silentLog };
  const listed = openModelCatalogue({ ...shared, upstream: options.upstream });
  const catalogue = options.catalogue ?? listed;
  const recorder = {
    begin: (call: BegunCall) => void begun.push(call),
    record: (record: UsageRecord) => void records.push(record),
  };
  const { timeouts } = options;
  const usual = { ...shared, catalogue, recorder, metrics, timeouts };
  const opened = openInference({ ...usual, ...options.inference });
  const app = fastify({ forceCloseConnections: true });
  app.setErrorHandler(errorHandler(silentLog));
  app.decorateRequest('principal', null);
  app.addHook('onRequest', async (request) => {
    request.principal = PRINCIPAL;
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  const services = {
    inference: opened.clientInference,
    catalogue,
    sendEventStream,
    keepAliveMs: options.keepAliveMs,
  };
  await app.register(gatewayRoutes, { prefix: '/v1', ...services });
  const { relays } = opened;
  await app.register(relayRoutes, { prefix: '/v1', ...services, relays });
  await app.register(modelRoutes, { prefix: '/v1', catalogue: listed });
  await app.register(deploymentHealthRoutes, { prefix: '/v1', router: opened.router });
  const baseUrl = `${await app.listen({ port: 0, host: '127.0.0.1' })}/v1`;
  return {
    baseUrl,
    records,
    begun,
    metrics,
    post: (path, body, init) =>
      fetch(baseUrl + path, {
        method: 'POST',
        body: typeof body === 'string' ? body : JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
        ...init,
      }),
    close: async () => {
      await app.close();
      await opened.close();
      await listed.close();
    },
  };
}

/** A folder that is removed by the returned function. */
export async function temporaryFolder(
  name: string,
): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), `llamp-${name}-`));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
