import type { FastifyInstance } from 'fastify';
import type { OutboundGuard } from '../../../lib/outbound-guard/index.ts';
import { requestSignal } from '../../../lib/request-signal.ts';
import type { Clock } from '../../../ports/clock.ts';
import { changerOf, listObject, principalOf } from '../../identity/index.ts';
import { ListQuery, ProviderBody, ProviderParams, ProviderPatch } from '../schemas.ts';
import { detectServers, LOCAL_SERVERS, type LocalServer } from '../upstreams/detect-servers.ts';
import { testProvider } from '../upstreams/test-provider.ts';
import { detectedServerObject, providerObject, providerTestObject } from './objects.ts';
import type { ProviderService } from './provider-service.ts';

const read = { access: { action: 'providers.read' as const } };
const write = { access: { action: 'providers.write' as const } };
const tags = ['providers'];
const DETECT_TIMEOUT_MS = 500;

export interface ProviderRouteServices {
  readonly providers: ProviderService;
  readonly clock: Clock;
  readonly guard: OutboundGuard;
  readonly ownPort: number;
  /** How long an upstream may take to list its models. Default 10 000. */
  readonly testTimeoutMs?: number;
  /** By default the usual ones. */
  readonly localServers?: readonly LocalServer[];
}

/** Providers of the caller's organization. */
export function providerRoutes(app: FastifyInstance, services: ProviderRouteServices): void {
  const { providers } = services;
  writeRoutes(app, providers);
  readRoutes(app, providers);
  askRoutes(app, services);
}

function writeRoutes(app: FastifyInstance, providers: ProviderService): void {
  app.post<{ Body: ProviderBody }>(
    '/providers',
    { config: write, schema: { summary: 'Create a provider', tags, body: ProviderBody } },
    async (request, reply) => {
      const provider = await providers.create(changerOf(request), request.body);
      return reply.code(201).send(providerObject(provider));
    },
  );
  app.patch<{ Params: ProviderParams; Body: ProviderPatch }>(
    '/providers/:provider_id',
    {
      config: write,
      schema: { summary: 'Change a provider', tags, params: ProviderParams, body: ProviderPatch },
    },
    async (request) => {
      const { provider_id: id } = request.params;
      return providerObject(await providers.update(changerOf(request), id, request.body));
    },
  );
  app.delete<{ Params: ProviderParams }>(
    '/providers/:provider_id',
    { config: write, schema: { summary: 'Delete a provider', tags, params: ProviderParams } },
    async (request) => {
      const { provider_id: id } = request.params;
      await providers.delete(changerOf(request), id);
      return { id, object: 'provider.deleted', deleted: true };
    },
  );
}

function readRoutes(app: FastifyInstance, providers: ProviderService): void {
  app.get<{ Querystring: ListQuery }>(
    '/providers',
    { config: read, schema: { summary: 'List providers', tags, querystring: ListQuery } },
    async (request) =>
      listObject(await providers.list(principalOf(request), request.query), providerObject),
  );
  app.get<{ Params: ProviderParams }>(
    '/providers/:provider_id',
    { config: read, schema: { summary: 'Get a provider', tags, params: ProviderParams } },
    async (request) =>
      providerObject(await providers.get(principalOf(request), request.params.provider_id)),
  );
}

function askRoutes(app: FastifyInstance, services: ProviderRouteServices): void {
  const { providers, clock, guard, ownPort, testTimeoutMs = 10_000 } = services;
  app.get(
    '/providers/detect',
    { config: read, schema: { summary: 'Find servers of models on this machine', tags } },
    async (_request, reply) => {
      const servers = services.localServers ?? LOCAL_SERVERS;
      const limits = { timeoutMs: DETECT_TIMEOUT_MS, signal: requestSignal(reply) };
      const found = await detectServers({ servers, ownPort, ...limits });
      return { object: 'list', data: found.map(detectedServerObject) };
    },
  );
  app.post<{ Params: ProviderParams }>(
    '/providers/:provider_id/test',
    {
      config: write,
      schema: { summary: 'Ask a provider for its models', tags, params: ProviderParams },
    },
    async (request, reply) => {
      const { provider_id: id } = request.params;
      const signal = requestSignal(reply);
      const { kind, endpoint } = await providers.endpoint(principalOf(request), id);
      const limits = { clock, guard, timeoutMs: testTimeoutMs, signal };
      return providerTestObject(await testProvider(kind, endpoint, limits));
    },
  );
}
