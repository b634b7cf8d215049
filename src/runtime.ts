import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from './adapters/clock/system.ts';
import { lockDataFolder } from './adapters/database/data-folder-lock.ts';
import { openPgliteDatabase } from './adapters/database/pglite.ts';
import { limitedBlobStore, limitedVectorIndex } from './adapters/decorators/limited.ts';
import {
  meteredBlobStore,
  meteredDatabase,
  meteredEphemeralStore,
  meteredVectorIndex,
} from './adapters/decorators/metered.ts';
import { retryingBlobStore, retryingVectorIndex } from './adapters/decorators/retrying.ts';
import { translatingBlobStore } from './adapters/decorators/translating.ts';
import type { Config } from './config/config.ts';
import { createDataFolder, isDiskFull } from './data-folder.ts';
import type { MigrateResult, SchemaExtension } from './domains/ops/migration/index.ts';
import type { Log } from './lib/log.ts';
import { createMetrics, type Metrics } from './lib/metrics.ts';
import type { BlobStore } from './ports/blob-store.ts';
import type { Clock } from './ports/clock.ts';
import type { Database } from './ports/database.ts';
import type { EphemeralStore } from './ports/ephemeral-store.ts';
import type { JobQueue } from './ports/job-queue.ts';
import type { VectorIndex } from './ports/vector-index.ts';
import { hostOf, isRefusal, reach, refusedKeysError } from './store-failure.ts';
import { diskFullError } from './start-failure.ts';

/**
 * The composition root: configuration to adapters. A store whose address is configured is used, one that is not is
 * embedded; nothing outside this file can tell which. Technologies are loaded when they are chosen: together they
 * would cost a second of every start.
 */

export interface RuntimeContext {
  readonly config: Config;
  readonly log: Log;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

export interface Stores {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly index: VectorIndex;
  readonly ephemeral: EphemeralStore;
  readonly queue: JobQueue;
  /** Counts for this process alone, for as long as `ephemeral` is away. */
  readonly localCounters: EphemeralStore;
  /** Closes in reverse order of opening. */
  close(): Promise<void>;
}

const BLOB_LIMITS = { concurrentMax: 64, waitingMax: 1_000 };
const INDEX_LIMITS = { concurrentMax: 32, waitingMax: 1_000 };
const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url));

export { systemClock };

/** What everything is given: configuration, time, log and metrics of this process. */
export function createContext(config: Config, log: Log): RuntimeContext {
  return { config, log, clock: systemClock, metrics: createMetrics() };
}

/**
 * Opens every store, or none: what was open is closed again when a later one refuses. A server keeps its data folder to
 * itself, for the journal in it; a command beside a server on served stores does not. For a restore the database is
 * opened with whatever schema it has.
 */
export async function openStores(
  context: RuntimeContext,
  purpose: 'server' | 'command' | 'restore',
): Promise<Stores> {
  await using opened = new AsyncDisposableStack();
  const { config, log, clock, metrics } = context;
  if (config.database === undefined || purpose === 'server') await holdDataFolder(config, opened);
  // At once: each waits for a thread or a server of its own. In this order they are closed last.
  const [rawDatabase, rawBlobs, rawIndex, rawEphemeral] = await openTogether(opened, [
    purpose === 'restore' ? connect(context) : openDatabase(context),
    openBlobs(context),
    openIndex(context),
    openEphemeral(context),
  ]);
  const database = meteredDatabase(rawDatabase, metrics);
  const blobs = decoratedBlobs(rawBlobs, context);
  const index = decoratedIndex(rawIndex, context);
  const ephemeral = meteredEphemeralStore(rawEphemeral, metrics);
  const { createPgBossJobQueue } = await import('./adapters/job-queue/pg-boss.ts');
  const queue = createPgBossJobQueue({ database, clock, log, migrate: false });
  const localCounters = await openLocalCounters(context);
  opened.defer(() => localCounters.close());
  const stack = opened.move();
  const close = () => stack.disposeAsync();
  return { database, blobs, index, ephemeral, queue, localCounters, close };
}

/** All of them or none: what did open is closed by `opened`, and the first failure in order is thrown. */
async function openTogether<Opened extends readonly { close(): Promise<void> }[]>(
  opened: AsyncDisposableStack,
  opening: readonly [...{ [Store in keyof Opened]: Promise<Opened[Store]> }],
): Promise<Opened> {
  const outcomes = await Promise.allSettled(
    opening as readonly Promise<{ close(): Promise<void> }>[],
  );
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') opened.defer(() => outcome.value.close());
  }
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  return (await Promise.all(opening as readonly Promise<unknown>[])) as unknown as Opened;
}

/** The database alone, for commands that need nothing else. It has the schema of this release. */
export async function openDatabaseOnly(
  context: RuntimeContext,
): Promise<{ database: Database; close(): Promise<void> }> {
  await using opened = new AsyncDisposableStack();
  if (context.config.database === undefined) await holdDataFolder(context.config, opened);
  const database = await openDatabase(context);
  opened.defer(() => database.close());
  const stack = opened.move();
  return { database, close: () => stack.disposeAsync() };
}

/** What `llamp migrate` does: brings the configured database to the schema of this release. */
export async function migrateDatabase(context: RuntimeContext): Promise<MigrateResult> {
  await using opened = new AsyncDisposableStack();
  if (context.config.database === undefined) await holdDataFolder(context.config, opened);
  const database = await copiedBeforeMigration(await connect(context), context);
  opened.defer(() => database.close());
  return await applyMigrations(database, context);
}

async function openDatabase(context: RuntimeContext): Promise<Database> {
  if (context.config.database === undefined) return await connectMigrated(context);
  const database = await connect(context);
  try {
    const { requireCurrentSchema } = await loadMigration();
    await requireCurrentSchema(database, MIGRATIONS, await schemaExtensions());
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

// Loaded while the database thread starts.
const loadMigration = () => import('./domains/ops/migration/index.ts');

/** What migrations bring along beside the files. */
export async function schemaExtensions(): Promise<SchemaExtension[]> {
  const { jobQueueSchemaStep } = await import('./adapters/job-queue/pg-boss-schema.ts');
  return [jobQueueSchemaStep];
}

async function holdDataFolder(config: Config, opened: AsyncDisposableStack): Promise<void> {
  createDataFolder(config.dataDirectory);
  const lock = await lockDataFolder(config.dataDirectory);
  opened.defer(() => lock.release());
}

/** The embedded shape migrates itself, and keeps the database of before beside it. */
async function connectMigrated(context: RuntimeContext): Promise<Database> {
  const database = await copiedBeforeMigration(await connect(context), context);
  try {
    if (!(await hasCurrentSchema(database))) await applyMigrations(database, context);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

// A look costs a start nothing; a migration that has nothing to do would still write and sync.
async function hasCurrentSchema(database: Database): Promise<boolean> {
  const { requireCurrentSchema, SchemaError } = await loadMigration();
  try {
    await requireCurrentSchema(database, MIGRATIONS, await schemaExtensions());
    return true;
  } catch (error) {
    if (error instanceof SchemaError && error.code === 'schema_outdated') return false;
    throw error;
  }
}

/** A served database is copied by its operator; the embedded one by us. */
async function copiedBeforeMigration(
  database: Database,
  context: RuntimeContext,
): Promise<Database> {
  if (context.config.database !== undefined) return database;
  const { keepPreMigrationCopy, schemaStatus } = await loadMigration();
  const { current, pending } = await schemaStatus(database, MIGRATIONS);
  if (current === 0 || pending.length === 0) return database;
  await database.close();
  await keepPreMigrationCopy({
    databaseDirectory: databaseDirectory(context.config),
    dataDirectory: context.config.dataDirectory,
    version: current,
    clock: context.clock,
  });
  return await connect(context);
}

/** Applies migrations up to a version, by default all. */
export async function applyMigrations(
  database: Database,
  { clock, log }: RuntimeContext,
  upTo?: number,
): Promise<MigrateResult> {
  const extensions = await schemaExtensions();
  const { migrate } = await loadMigration();
  return await migrate(database, { directory: MIGRATIONS, clock, log, extensions, upTo });
}

/** Where the schema stands, and how far this release knows it. */
export async function schemaOf(database: Database): Promise<{ current: number; expected: number }> {
  const { schemaStatus } = await loadMigration();
  return await schemaStatus(database, MIGRATIONS);
}

async function connect({ config, log }: RuntimeContext): Promise<Database> {
  const { database } = config;
  if (database === undefined) return await connectEmbedded(config, log);
  const { openPostgresDatabase } = await import('./adapters/database/postgres.ts');
  const options = { url: database.url, poolMax: database.poolMax, log };
  return await reach('PostgreSQL', 'DATABASE_URL', hostOf(database.url), () =>
    openPostgresDatabase(options),
  );
}

async function connectEmbedded(config: Config, log: Log): Promise<Database> {
  try {
    return await openPgliteDatabase({ directory: databaseDirectory(config), log });
  } catch (error) {
    // On a full disk the engine dies without words.
    if (isDiskFull(config.dataDirectory)) throw diskFullError(config.dataDirectory, error);
    throw error;
  }
}

async function openBlobs({ config, log }: RuntimeContext): Promise<BlobStore> {
  const { s3 } = config;
  if (s3 === undefined) {
    const { openFilesystemBlobStore } = await import('./adapters/blob-store/filesystem.ts');
    return await openFilesystemBlobStore({ directory: join(config.dataDirectory, 'blobs') });
  }
  const { openS3BlobStore } = await import('./adapters/blob-store/s3.ts');
  return await reach('the object store', 'MINIO_ENDPOINT', s3.endpoint, () =>
    openS3BlobStore({ ...s3, log }).catch((error: unknown) => {
      throw isRefusal(error) ? refusedKeysError(s3, error) : error;
    }),
  );
}

async function openIndex({ config, log }: RuntimeContext): Promise<VectorIndex> {
  const { milvus } = config;
  if (milvus === undefined) {
    const { openZvecVectorIndex } = await import('./adapters/vector-index/zvec.ts');
    return await openZvecVectorIndex({ directory: join(config.dataDirectory, 'index'), log });
  }
  const { openMilvusVectorIndex } = await import('./adapters/vector-index/milvus.ts');
  return await reach('Milvus', 'MILVUS_HOST', `${milvus.host}:${milvus.port}`, () =>
    openMilvusVectorIndex({ ...milvus, log }),
  );
}

async function openEphemeral({ config, log }: RuntimeContext): Promise<EphemeralStore> {
  const { redis } = config;
  if (redis === undefined) return await openLocalCounters({ log });
  const { openRedisEphemeralStore } = await import('./adapters/ephemeral-store/redis.ts');
  return await reach('Redis', 'REDIS_URL', hostOf(redis.url), () =>
    openRedisEphemeralStore({ url: redis.url, log }),
  );
}

async function openLocalCounters({ log }: Pick<RuntimeContext, 'log'>): Promise<EphemeralStore> {
  const { createMemoryEphemeralStore } = await import('./adapters/ephemeral-store/memory.ts');
  return createMemoryEphemeralStore({ log });
}

function decoratedBlobs(blobs: BlobStore, { metrics, clock }: RuntimeContext): BlobStore {
  const limited = limitedBlobStore(retryingBlobStore(blobs, { clock }), BLOB_LIMITS);
  return translatingBlobStore(meteredBlobStore(limited, metrics));
}

function decoratedIndex(index: VectorIndex, { metrics, clock }: RuntimeContext): VectorIndex {
  const limited = limitedVectorIndex(retryingVectorIndex(index, { clock }), INDEX_LIMITS);
  return meteredVectorIndex(limited, metrics);
}

function databaseDirectory(config: Config): string {
  return join(config.dataDirectory, 'database');
}
