import type { Config } from './config/config.ts';
import { domainRoutes } from './domain-routes.ts';
import type { BootstrapResult } from './domains/identity/index.ts';
import type { Knowledge } from './domains/knowledge/index.ts';
import { createDrain, type Drain, type DrainPhase, type DrainPhaseName } from './http/drain.ts';
import { createHealth, type HealthCheck } from './http/health.ts';
import { listenForMetrics, type MetricsListener } from './http/request-metrics.ts';
import { buildServer, type HttpServer, type ServerOptions } from './http/server.ts';
import { type Domains, openDomains } from './open-domains.ts';
import { openServerBackups, type ServerBackups } from './open-backup.ts';
import type { RuntimeContext, Stores } from './runtime.ts';
import { observeApplication } from './observe-application.ts';
import { serverDoctor } from './server-doctor.ts';
import { observeStores } from './scrape-metrics.ts';

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

/** What has to be closed once it exists. */
interface Listening {
  server?: HttpServer;
  metrics?: MetricsListener;
  stopObserving?: () => void;
}

const STORE_CHECK_TIMEOUT_MS = 1_500;
const PHASE_TIMEOUT_MS = 15_000;

export async function openApplication(
  stores: Stores,
  context: RuntimeContext,
  version: string,
): Promise<Application> {
  const { config, log, clock, metrics } = context;
  const domains = await openDomains(stores, context);
  const backups = openServerBackups(stores, context, { box: domains.box, version });
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
    authenticate: authenticateWith(domains),
    health,
    isDraining: () => drain.isDraining,
    completeSetup: (input) => domains.setup.completeSetup(input),
    domains: domainRoutes(domains, stores, { backups, doctor: serverDoctor(stores, context) }),
    config: config.http,
  };
  const { knowledge, firstStart } = domains;
  // The database works for the one while this thread compiles routes for the other.
  const workers = [knowledge, backups, domains.people.workers(stores.queue)];
  const working = startWorkers(stores, workers);
  const [server] = await Promise.all([buildServer(serverOptions), working]);
  listening.server = server;
  return {
    drain,
    knowledge,
    firstStart,
    reloadModels: () => domains.models.reloadFile(),
    listen: async () => {
      const queues = workers.flatMap((each) => each.queues);
      const running = { version, queues, isDraining: () => drain.isDraining };
      listening.stopObserving = observeApplication(stores, context, running);
      const { host, port, metricsPort, publicUrl } = config.http;
      const url = await server.app.listen({ host, port });
      if (metricsPort !== undefined)
        listening.metrics = await listenForMetrics({ host, port: metricsPort, metrics });
      return { url: publicUrl ?? url };
    },
  };
}

// A token is JSON in base64url, so it begins with `eyJ`; no key does.
function authenticateWith({ signIn, keys }: Domains): ServerOptions['authenticate'] {
  return (credential, projectId) =>
    credential.startsWith('eyJ')
      ? signIn.authenticate(credential, projectId)
      : keys.authenticate(credential);
}

async function startWorkers(
  { queue }: Stores,
  workers: readonly Pick<ServerBackups, 'queues' | 'startWorkers'>[],
): Promise<void> {
  await queue.start(workers.flatMap(({ queues }) => queues));
  for (const each of workers) await each.startWorkers();
}

function drainPhases(
  stores: Stores,
  domains: Domains,
  { listening, config }: { listening: Listening; config: Config },
): Record<DrainPhaseName, DrainPhase> {
  const { knowledge, models, guardrails, gateway, keys, signIn, limits, recorder, audit } = domains;
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
      const closing = [models, guardrails, gateway, keys, signIn, limits].map((each) =>
        each.close(),
      );
      await Promise.all(closing);
      await Promise.all([recorder.close(), audit.close()]);
    }),
    'close-stores': phase(async () => {
      listening.stopObserving?.();
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
