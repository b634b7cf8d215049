import { rmSync } from 'node:fs';
import { join } from 'node:path';
import OpenAI from 'openai';
import { openFilesystemBlobStore } from '../../src/adapters/blob-store/filesystem.ts';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { openPgliteDatabase } from '../../src/adapters/database/pglite.ts';
import { createPgBossJobQueue } from '../../src/adapters/job-queue/pg-boss.ts';
import { openZvecVectorIndex } from '../../src/adapters/vector-index/zvec.ts';
import type { Principal } from '../../src/domains/identity/index.ts';
import { createKnowledge, type KnowledgeOptions } from '../../src/domains/knowledge/index.ts';
import { migrate } from '../../src/domains/ops/migration/index.ts';
import { buildServer } from '../../src/http/server.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/lib/metrics.ts';
import type { Database } from '../../src/ports/database.ts';
import { databaseTemplate, temporaryFolder } from './database-template.ts';
import { ScriptedEmbedder } from './scripted-embedder.ts';

export const MODEL = 'test-embedder';
const MEGABYTE = 1024 * 1024;

/** Files, vector stores and search on the embedded stores, behind the real HTTP server. */
export async function openKnowledgePlatform(
  options: Partial<KnowledgeOptions> = {},
  seenThrough: (database: Database) => Database = (database) => database,
) {
  const folder = temporaryFolder('knowledge');
  const stores = await openEmbeddedStores(folder);
  const embedding = new ScriptedEmbedder();
  const metrics = createMetrics();
  const database = seenThrough(stores.database);
  const deps = { ...stores, database, embedding, metrics, clock: systemClock, log: silentLog };
  const knowledge = createKnowledge({
    ...deps,
    options: { defaultEmbeddingModel: MODEL, fileSizeMaxBytes: 16 * MEGABYTE, ...options },
  });
  const { app } = await buildServer({
    version: '1',
    log: silentLog,
    metrics,
    authenticate: principalOfKey,
    health: { results: async () => [] },
    isDraining: () => false,
    completeSetup: async () => ({ apiKey: '' }),
    domains: [{ plugin: knowledge.routes, prefixes: ['/v1', '/api/v1/llm'] }],
    config: {
      trustedProxies: [],
      publicUrl: undefined,
      bodyMaxBytes: 8 * MEGABYTE,
      fileMaxBytes: 16 * MEGABYTE,
    },
  });
  await stores.jobs.start(knowledge.queues);
  await knowledge.startWorkers();
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    ...stores,
    embedding,
    knowledge,
    url,
    client: (apiKey = 'key-a') => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 }),
    close: async () => {
      // A client may hold a connection open on which it has not asked anything yet.
      app.server.closeAllConnections();
      await app.close();
      await stores.jobs.close({ timeoutMs: 5_000 });
      await knowledge.close();
      await stores.index.close();
      await stores.blobs.close();
      await stores.database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type KnowledgePlatform = Awaited<ReturnType<typeof openKnowledgePlatform>>;

/** The three stores and the queue in a folder, with two projects to work in. */
export async function openEmbeddedStores(folder: string) {
  const database = await openPgliteDatabase({
    directory: join(folder, 'database'),
    templateDirectory: await databaseTemplate(),
    log: silentLog,
  });
  await migrate(database, { directory: 'migrations', clock: systemClock, log: silentLog });
  await createProjects(database);
  const blobs = await openFilesystemBlobStore({ directory: join(folder, 'blobs') });
  const index = await openZvecVectorIndex({ directory: join(folder, 'index'), log: silentLog });
  const jobs = createPgBossJobQueue({
    database,
    clock: systemClock,
    log: silentLog,
    migrate: true,
  });
  return { database, blobs, index, jobs };
}

/** Keys are `key-` and the letter of a project; `-only-` binds them to one model. */
export function principalOfKey(apiKey: string): Principal | null {
  const [, letter, model] = /^key-([ab])(?:-only-(.+))?$/.exec(apiKey) ?? [];
  if (letter === undefined) return null;
  return {
    kind: 'api_key',
    organizationId: 'org_test',
    projectId: `proj_${letter}`,
    apiKeyId: `key_${letter}`,
    scopes: ['knowledge'],
    models: model === undefined ? undefined : new Set([model]),
  };
}

async function createProjects(database: Database): Promise<void> {
  await database.executeScript(`
    insert into organizations (id, name, created_at) values ('org_test', 'test', now());
    insert into projects (id, organization_id, name, created_at)
      values ('proj_a', 'org_test', 'a', now()), ('proj_b', 'org_test', 'b', now())`);
}
