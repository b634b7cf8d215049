import type { FastifyInstance } from 'fastify';
import type { Log } from '../../lib/log.ts';
import type { Metrics } from '../../lib/metrics.ts';
import type { OutboundGuard } from '../../lib/outbound-guard/index.ts';
import type { SecretBox } from '../../lib/secret-box.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Database } from '../../ports/database.ts';
import { ConfiguredModels } from './configured-models.ts';
import type { ModelsFileSource } from './definitions/models-file.ts';
import type { ManagementContext } from './management/change.ts';
import { DeploymentService } from './management/deployment-service.ts';
import { ModelService } from './management/model-service.ts';
import { ProviderService } from './management/provider-service.ts';
import { modelManagementRoutes } from './management/routes.ts';
import { type ModelCatalogue, openModelCatalogue } from './model-catalogue.ts';
import type { UpstreamEndpoint } from './model.ts';
import type { LocalServer } from './upstreams/detect-servers.ts';

export interface ModelsOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'modelsSnapshotVersion'>;
  /** For addresses that users set. */
  readonly guard: OutboundGuard;
  /** Opens stored credentials. Undefined: none can be stored. */
  readonly box: SecretBox | undefined;
  /** The upstream of the environment. */
  readonly upstream: UpstreamEndpoint | undefined;
  /** The configuration file. */
  readonly file: ModelsFileSource | undefined;
  /** The port of this server, which is no other server to be found. */
  readonly ownPort: number;
  readonly testTimeoutMs?: number;
  readonly localServers?: readonly LocalServer[];
}

export interface Models {
  readonly catalogue: ModelCatalogue;
  /** Management of providers, deployments and models; register it under `/api/v1`. */
  readonly routes: (app: FastifyInstance) => Promise<void>;
  /** Reads the configuration file again; false when it is wrong and the one in force stays. */
  reloadFile(): Promise<boolean>;
  close(): Promise<void>;
}

/** Every source of models, open and current. Rejects with a `ModelsFileError` when the configuration file is wrong. */
export async function openModels(options: ModelsOptions): Promise<Models> {
  const { database, clock, log, box, metrics, guard } = options;
  const catalogue = openModelCatalogue({
    upstream: options.upstream,
    clock,
    log,
    onSnapshot: (version) => metrics.modelsSnapshotVersion.set(version),
  });
  const configured = new ConfiguredModels({
    database,
    clock,
    log,
    box,
    file: options.file,
    apply: (resolved) => catalogue.configure(resolved),
  });
  const close = async () => {
    await Promise.all([configured.close(), catalogue.close()]);
  };
  await configured.open().catch(async (error: unknown) => {
    await close();
    throw error;
  });
  const context: ManagementContext = {
    database,
    clock,
    guard,
    box,
    file: () => configured.file,
    // The change is committed by then; every instance looks for itself each second.
    onChange: () =>
      configured
        .refresh()
        .catch((error: unknown) => log.warn({ error }, 'models will be refreshed later')),
  };
  return {
    catalogue,
    routes: (app) => modelManagementRoutes(app, { ...options, ...servicesOf(context) }),
    reloadFile: () => configured.reloadFile(),
    close,
  };
}

function servicesOf(context: ManagementContext) {
  return {
    providers: new ProviderService(context),
    deployments: new DeploymentService(context),
    models: new ModelService(context),
  };
}
