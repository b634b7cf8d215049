import { systemClock } from '../../src/adapters/clock/system.ts';
import {
  createPasswordHasher,
  bootstrap,
  IdentityService,
  MemberService,
  identityRoutes,
  type KeyDirectory,
  openKeyDirectory,
  type Scope,
  SetupService,
} from '../../src/domains/identity/index.ts';
import { type Models, type ModelsOptions, openModels } from '../../src/domains/models/index.ts';
import { buildServer, type HttpServer } from '../../src/http/server.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createMetrics, type Metrics } from '../../src/lib/metrics.ts';
import { OutboundGuard } from '../../src/lib/outbound-guard/index.ts';
import type { Database } from '../../src/ports/database.ts';

export interface ModelsInstance {
  readonly models: Models;
  readonly metrics: Metrics;
  /** A call of the management API; by default as the first administrator. */
  call(method: string, path: string, body?: object, key?: string): Promise<ModelsAnswer>;
  close(): Promise<void>;
}

export interface ModelsAnswer {
  readonly status: number;
  readonly text: string;
  readonly json: ReturnType<JSON['parse']>;
}

const passwords = createPasswordHasher();

/** Fills an empty installation and returns its first key. */
export async function installed(database: Database): Promise<string> {
  const nothing = { adminEmail: undefined, adminPassword: undefined, apiKey: undefined };
  const result = await bootstrap({ database, clock: systemClock, passwords }, nothing);
  if (!result.created || result.apiKey === null) throw new Error('it is not empty');
  return result.apiKey;
}

/** A key of another organization, which is made for it. */
export async function keyOfAnotherOrganization(database: Database): Promise<string> {
  const now = systemClock.now();
  const [organizationId, projectId] = [systemClock.newId('org_'), systemClock.newId('proj_')];
  await database.batch([
    {
      sql: 'insert into organizations (id, name, created_at) values ($1, $2, $3)',
      parameters: [organizationId, 'other', now],
    },
    {
      sql: 'insert into projects (id, organization_id, name, created_at) values ($1, $2, $3, $4)',
      parameters: [projectId, organizationId, 'other', now],
    },
  ]);
  const identity = new IdentityService({ database, clock: systemClock });
  const scopes: Scope[] = ['management'];
  const { secret } = await identity.createKey({ organizationId, projectId }, { name: 'k', scopes });
  return secret;
}

/** One instance of what models are made of, behind the real HTTP side. */
export async function startModelsInstance(
  database: Database,
  key: string,
  options: Partial<ModelsOptions> = {},
): Promise<ModelsInstance> {
  const metrics = createMetrics();
  const shared = { database, clock: systemClock, log: silentLog };
  const keys = await openKeyDirectory(shared);
  const models = await openModels({
    ...shared,
    metrics,
    // Where the servers of tests listen.
    guard: new OutboundGuard({ allow: ['127.0.0.1'] }),
    box: undefined,
    upstream: undefined,
    file: undefined,
    ownPort: 8000,
    localServers: [],
    ...options,
  });
  const { app } = await serverOf({ database, keys, models, metrics });
  return {
    models,
    metrics,
    call: async (method, path, body, as = key) => {
      const answer = await app.inject({
        method: method as 'GET',
        url: `/api/v1${path}`,
        headers: { authorization: `Bearer ${as}` },
        ...(body === undefined ? {} : { payload: body }),
      });
      return { status: answer.statusCode, text: answer.payload, json: answer.json() };
    },
    close: async () => {
      await app.close();
      await Promise.all([models.close(), keys.close()]);
    },
  };
}

function serverOf(parts: {
  database: Database;
  keys: KeyDirectory;
  models: Models;
  metrics: Metrics;
}): Promise<HttpServer> {
  const { database, keys, models, metrics } = parts;
  const identity = new IdentityService({ database, clock: systemClock });
  const setup = new SetupService({ database, clock: systemClock, passwords });
  const members = new MemberService({ database, clock: systemClock });
  return buildServer({
    version: '1',
    log: silentLog,
    metrics,
    authenticate: (key) => keys.authenticate(key),
    health: { results: async () => [] },
    isDraining: () => false,
    completeSetup: (input) => setup.completeSetup(input),
    domains: [
      {
        plugin: (scope) => identityRoutes(scope, { identity, setup, members }),
        prefixes: ['/api/v1'],
      },
      { plugin: models.routes, prefixes: ['/api/v1'] },
    ],
    config: { trustedProxies: [], publicUrl: undefined, bodyMaxBytes: 1e6, fileMaxBytes: 1e6 },
  });
}
