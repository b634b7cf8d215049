import { join } from 'node:path';
import type { Config } from './config/config.ts';
import {
  deploymentHealthRoutes,
  gatewayRoutes,
  inferenceEmbeddingService,
  openInference,
  RELAYED_FORM_BYTES_MAX,
  relayRoutes,
} from './domains/gateway/index.ts';
import {
  type BootstrapResult,
  bootstrap,
  createPasswordHasher,
  IdentityService,
  identityRoutes,
  jwksRoute,
  openKeyDirectory,
  SetupService,
  signInRoutes,
} from './domains/identity/index.ts';
import { createKnowledge, type Knowledge } from './domains/knowledge/index.ts';
import { BUILTIN_EMBEDDING_MODEL, modelRoutes } from './domains/models/index.ts';
import { openLimits, openUsageRecorder, usageRoutes } from './domains/usage/index.ts';
import { createDrain, type Drain, type DrainPhase, type DrainPhaseName } from './http/drain.ts';
import { sendEventStream } from './http/event-stream.ts';
import { createHealth, type HealthCheck } from './http/health.ts';
import { listenForMetrics, type MetricsListener } from './http/request-metrics.ts';
import {
  buildServer,
  type DomainRoutes,
  type HttpServer,
  type ServerOptions,
} from './http/server.ts';
import { modelsFromConfig } from './models-from-config.ts';
import type { RuntimeContext, Stores } from './runtime.ts';
import { observeQueues, observeStores } from './scrape-metrics.ts';
import { signInFromConfig } from './sign-in-from-config.ts';

/** Everything that runs, put together; docs/architecture.md explains the order of start and stop. */
export interface Application {
  readonly drain: Drain;
  readonly knowledge: Knowledge;
  /** What the first start made; `created` is false on every later one. */
  readonly firstStart: BootstrapResult;
  /** Reads the configuration file of models again; a wrong one is refused with a line in the log. */
  reloadModels(): Promise<boolean>;
  /** Resolves with the address once requests are answered. */
  listen(): Promise<{ url: string }>;
}

type Domains = Awaited<ReturnType<typeof openDomains>>;

/** What has to be closed once it exists. */
interface Listening {
  server?: HttpServer;
  metrics?: MetricsListener;
}

const OPENAI_PREFIXES = ['/v1', '/api/v1/llm'];
const MANAGEMENT_PREFIXES = ['/api/v1'];
const STORE_CHECK_TIMEOUT_MS = 1_500;
const PHASE_TIMEOUT_MS = 15_000;

export async function openApplication(
  stores: Stores,
  context: RuntimeContext,
  version: string,
): Promise<Application> {
  const { config, log, clock, metrics } = context;
  const domains = await openDomains(stores, context);
  const listening: Listening = {};
  const drain = createDrain({
    phases: drainPhases(stores, domains, { listening, config }),
    clock,
    log,
  });
  const health = createHealth({ checks: storeChecks(stores), clock, log });
  observeStores(health, metrics);
  const serverOptions: ServerOptions = {
    version,
    log,
    metrics,
    // A token is JSON in base64url, so it begins with `eyJ`; no key does.
    authenticate: (credential, projectId) =>
      credential.startsWith('eyJ')
        ? domains.signIn.authenticate(credential, projectId)
        : domains.keys.authenticate(credential),
    health,
    isDraining: () => drain.isDraining,
    completeSetup: (input) => domains.setup.completeSetup(input),
    domains: domainRoutes(domains, stores),
    config: config.http,
  };
  const { knowledge, firstStart } = domains;
  // The database works for the one while this thread compiles routes for the other.
  const [server] = await Promise.all([buildServer(serverOptions), startWorkers(stores, knowledge)]);
  listening.server = server;
  return {
    drain,
    knowledge,
    firstStart,
    reloadModels: () => domains.models.reloadFile(),
    listen: async () => {
      observeQueues(stores.queue, knowledge.queues, metrics);
      const { host, port, metricsPort, publicUrl } = config.http;
      const url = await server.app.listen({ host, port });
      if (metricsPort !== undefined)
        listening.metrics = await listenForMetrics({ host, port: metricsPort, metrics });
      return { url: publicUrl ?? url };
    },
  };
}

async function openDomains(stores: Stores, context: RuntimeContext) {
  const { config, log, clock, metrics } = context;
  const { database, blobs, index, queue } = stores;

  // First: a mistake in its file must not end a first start that has made a key and not shown it yet.
  const models = await modelsFromConfig(stores, context);
  const people = await openIdentity(stores, context);
  const { identity } = people;
  const { limits, recorder } = await openUsage(stores, context, identity);
  const timeouts = timeoutsOf(config);
  const gateway = openInference({
    catalogue: models.catalogue,
    recorder,
    metrics,
    clock,
    log,
    timeouts,
    ephemeral: stores.ephemeral,
    limits: limits.enforcer,
    prices: limits.prices,
  });
  const knowledge = createKnowledge({
    database,
    blobs,
    index,
    jobs: queue,
    clock,
    log,
    metrics,
    embedding: inferenceEmbeddingService(gateway.inference),
    options: knowledgeOptions(config),
  });
  return { ...people, limits, recorder, models, gateway, knowledge };
}

/** Who may act: fills an empty installation, then knows its keys and people. */
async function openIdentity(stores: Stores, context: RuntimeContext) {
  const { database } = stores;
  const { config, log, clock } = context;
  const passwords = createPasswordHasher();
  const firstStart = await bootstrap({ database, clock, passwords }, config.bootstrap);
  const keys = await openKeyDirectory({ database, clock, log });
  // The change is committed by then; the directory looks for itself every second.
  const onChange = () =>
    keys.refresh().catch((error: unknown) => log.warn({ error }, 'keys will be refreshed later'));
  const identity = new IdentityService({ database, clock, onChange });
  const setup = new SetupService({ database, clock, passwords, onChange });

  const { installationId } = firstStart;
  const signIn = await signInFromConfig(stores, context, { passwords, installationId });
  return { firstStart, keys, signIn, identity, setup };
}

/** Limits and prices first: calls that a death interrupted are priced when the recorder opens. */
async function openUsage(stores: Stores, context: RuntimeContext, identity: IdentityService) {
  const { database, ephemeral: shared, localCounters: local } = stores;
  const { config, log, clock, metrics } = context;
  const limits = await openLimits({ database, shared, local, identity, clock, log });
  const { prices } = limits;
  const journalDirectory = join(config.dataDirectory, 'usage-journal');
  const options = { database, journalDirectory, clock, log, metrics, prices };
  return { limits, recorder: await openUsageRecorder(options) };
}

async function startWorkers({ queue }: Stores, knowledge: Knowledge): Promise<void> {
  await queue.start(knowledge.queues);
  await knowledge.startWorkers();
}

/** Knowledge without a server around it, for commands that only move what is stored: it cannot embed. */
export function openStoredKnowledge(stores: Stores, context: RuntimeContext): Knowledge {
  const { config, log, clock, metrics } = context;
  const embed = async () => {
    throw new Error('this command works with stored embeddings and makes none');
  };
  return createKnowledge({
    ...stores,
    jobs: stores.queue,
    clock,
    log,
    metrics,
    embedding: { embed },
    options: knowledgeOptions(config),
  });
}

function knowledgeOptions(config: Config) {
  return {
    defaultEmbeddingModel: config.embeddingModel ?? BUILTIN_EMBEDDING_MODEL,
    fileSizeMaxBytes: config.http.fileMaxBytes,
    ingestConcurrency: config.workers,
  };
}

function domainRoutes(domains: Domains, { database }: Stores): DomainRoutes[] {
  const { gateway, models, knowledge, identity, setup, signIn, limits } = domains;
  const { cachedInference: inference, relays, router } = gateway;
  const { catalogue } = models;
  return [
    {
      plugin: (app) => gatewayRoutes(app, { inference, catalogue, sendEventStream }),
      prefixes: OPENAI_PREFIXES,
      rawJsonBodies: true,
    },
    {
      plugin: (app) => relayRoutes(app, { relays, sendEventStream }),
      prefixes: OPENAI_PREFIXES,
      rawJsonBodies: true,
      rawFormMaxBytes: RELAYED_FORM_BYTES_MAX,
    },
    {
      plugin: (app) => modelRoutes(app, { catalogue }),
      prefixes: OPENAI_PREFIXES,
    },
    { plugin: models.routes, prefixes: MANAGEMENT_PREFIXES },
    { plugin: knowledge.routes, prefixes: OPENAI_PREFIXES },
    { plugin: (app) => identityRoutes(app, { identity, setup }), prefixes: MANAGEMENT_PREFIXES },
    { plugin: (app) => signInRoutes(app, { signIn }), prefixes: MANAGEMENT_PREFIXES },
    { plugin: (app) => jwksRoute(app, { signIn }), prefixes: [''] },
    { plugin: (app) => usageRoutes(app, { database }), prefixes: MANAGEMENT_PREFIXES },
    { plugin: limits.routes, prefixes: MANAGEMENT_PREFIXES },
    { plugin: (app) => deploymentHealthRoutes(app, { router }), prefixes: MANAGEMENT_PREFIXES },
  ];
}

function drainPhases(
  stores: Stores,
  domains: Domains,
  { listening, config }: { listening: Listening; config: Config },
): Record<DrainPhaseName, DrainPhase> {
  const { knowledge, models, gateway, keys, signIn, limits, recorder } = domains;
  const phase = (run: DrainPhase['run'], timeoutMs = PHASE_TIMEOUT_MS) => ({ timeoutMs, run });
  return {
    'stop-accepting': phase(async () => listening.server?.connections.stopAccepting()),
    'finish-requests': phase(
      async (signal) => listening.server?.connections.finishRequests(signal),
      config.http.drainTimeoutMs,
    ),
    'stop-jobs': phase(async () => {
      await stores.queue.close({ timeoutMs: PHASE_TIMEOUT_MS / 2 });
      await knowledge.close();
    }),
    'flush-usage': phase(async () => {
      const closing = [models, gateway, keys, signIn, limits].map((each) => each.close());
      await Promise.all(closing);
      await recorder.close();
    }),
    'close-stores': phase(async () => {
      await listening.metrics?.close();
      await listening.server?.app.close();
      await stores.close();
    }),
  };
}

// Inference goes on without any of them, so none turns readiness off; only an engine of our own that died never comes
// back, and the process has to be started again.
function storeChecks({ database, blobs, index, ephemeral }: Stores): HealthCheck[] {
  const limits = (signal: AbortSignal) => ({ timeoutMs: STORE_CHECK_TIMEOUT_MS, signal });
  return [
    {
      name: 'database',
      required: !database.capabilities.concurrentSessions,
      check: async (signal) => {
        await database.execute({ sql: 'select 1', parameters: [] }, limits(signal));
      },
    },
    { name: 'blob store', required: false, check: (signal) => blobs.check(limits(signal)) },
    { name: 'vector index', required: false, check: (signal) => index.check(limits(signal)) },
    {
      name: 'ephemeral store',
      required: false,
      check: (signal) => ephemeral.check(limits(signal)),
    },
  ];
}

function timeoutsOf({ upstreamTimeouts }: Config) {
  return {
    connectMs: upstreamTimeouts.connectTimeoutMs,
    firstTokenMs: upstreamTimeouts.firstTokenTimeoutMs,
    betweenFramesMs: upstreamTimeouts.betweenFramesTimeoutMs,
    totalMs: upstreamTimeouts.totalTimeoutMs,
  };
}
