import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataFolderInUseError, lockDataFolder } from './adapters/database/data-folder-lock.ts';
import type { Config } from './config/config.ts';
import { type FolderState, isLlamp, type Probes } from './domains/ops/doctor/index.ts';
import { KNOWLEDGE_QUEUES } from './domains/knowledge/checks.ts';
import type { Log } from './lib/log.ts';
import type { Database } from './ports/database.ts';
import type { Stores } from './runtime.ts';
import { readSecretBox } from './secret-key.ts';

/**
 * The other composition root: connections that only look. Each is opened when a check first asks for it, and one that
 * cannot be opened is no reason not to look at the rest.
 */

interface Closable {
  close(): Promise<void>;
}

const POOL_MAX = 4;
const CLOSE_TIMEOUT_MS = 5_000;
const BUCKET_TIMEOUT_MS = 5_000;

export interface OpenedProbes {
  readonly probes: Probes;
  close(): Promise<void>;
}

/** For a command. */
export function openProbes(config: Config, log: Log): OpenedProbes {
  const opened: Promise<Closable>[] = [];
  const once = <T extends Closable>(open: () => Promise<T>): (() => Promise<T>) => {
    let opening: Promise<T> | undefined;
    return () => {
      if (opening === undefined) {
        opening = open();
        opened.push(opening);
      }
      return opening;
    };
  };
  const servers = serverProbes(config, once);
  const database = once(() => openDatabase(config, log));
  const probes: Probes = {
    ...servers,
    database,
    blobs: once(() => openBlobs(config, log, servers.objects)),
    index: once(() => openIndex(config, log)),
    backlogs: async () => backlogsOf(await database()),
    secretBox: () => readSecretBox(config),
  };
  return { probes, close: () => closeAll(opened) };
}

/** For a running server: its own stores. Those that only a command needs are opened for one run. */
export function probesOfServer(config: Config, stores: Stores): OpenedProbes {
  const opened: Promise<Closable>[] = [];
  const once =
    <T extends Closable>(open: () => Promise<T>): (() => Promise<T>) =>
    () => {
      const opening = open();
      opened.push(opening);
      return opening;
    };
  const probes: Probes = {
    ...serverProbes(config, once),
    database: async () => stores.database,
    blobs: async () => stores.blobs,
    index: async () => stores.index,
    backlogs: () => stores.queue.backlogs(),
    secretBox: () => readSecretBox(config),
  };
  return { probes, close: () => closeAll(opened) };
}

/** Takes the folder of the embedded shape for as long as is looked at it. */
export async function takeFolder(
  config: Config,
): Promise<{ folder: FolderState; release(): Promise<void> }> {
  const nothing = async () => undefined;
  const served = async (): Promise<boolean> => isLlamp(config.http);
  if (!existsSync(config.dataDirectory)) return { folder: { state: 'missing' }, release: nothing };
  if (config.database !== undefined)
    return { folder: { state: (await served()) ? 'served' : 'free' }, release: nothing };
  try {
    const lock = await lockDataFolder(config.dataDirectory);
    return { folder: { state: 'free' }, release: () => lock.release() };
  } catch (error) {
    // Why it cannot be used is for its own check to say.
    if (!(error instanceof DataFolderInUseError))
      return { folder: { state: 'free' }, release: nothing };
    const folder: FolderState = (await served())
      ? { state: 'served' }
      : { state: 'held', by: error.pid };
    return { folder, release: nothing };
  }
}

type Once = <T extends Closable>(open: () => Promise<T>) => () => Promise<T>;

function serverProbes(config: Config, once: Once): Pick<Probes, 'redis' | 'objects' | 'vectors'> {
  return {
    redis: once(async () => {
      const { openRedisProbe } = await import('./adapters/store-probe/redis.ts');
      return openRedisProbe(required(config.redis));
    }),
    objects: once(async () => {
      const { openS3Probe } = await import('./adapters/store-probe/s3.ts');
      return openS3Probe(required(config.s3));
    }),
    vectors: once(async () => {
      const { openMilvusProbe } = await import('./adapters/store-probe/milvus.ts');
      return openMilvusProbe(required(config.milvus));
    }),
  };
}

async function openDatabase(config: Config, log: Log): Promise<Database> {
  if (config.database === undefined) {
    const { openPgliteDatabase } = await import('./adapters/database/pglite.ts');
    return openPgliteDatabase({ directory: join(config.dataDirectory, 'database'), log });
  }
  const { openPostgresDatabase } = await import('./adapters/database/postgres.ts');
  return openPostgresDatabase({ url: config.database.url, poolMax: POOL_MAX, log });
}

// Opening the real stores would make what is missing; here the bucket and the folders have to be there.
async function openBlobs(config: Config, log: Log, objects: Probes['objects']) {
  if (config.s3 === undefined) {
    const { FilesystemBlobStore } = await import('./adapters/blob-store/filesystem.ts');
    const directory = join(config.dataDirectory, 'blobs');
    return new FilesystemBlobStore(join(directory, 'blobs'), join(directory, 'incoming'));
  }
  const isThere = await (await objects()).hasBucket({ timeoutMs: BUCKET_TIMEOUT_MS });
  if (!isThere) throw new Error(`there is no bucket ${config.s3.bucket}`);
  const { openS3BlobStore } = await import('./adapters/blob-store/s3.ts');
  return openS3BlobStore({ ...config.s3, log });
}

async function openIndex(config: Config, log: Log) {
  if (config.milvus === undefined) {
    const { openZvecVectorIndex } = await import('./adapters/vector-index/zvec.ts');
    return openZvecVectorIndex({ directory: join(config.dataDirectory, 'index'), log });
  }
  const { openMilvusVectorIndex } = await import('./adapters/vector-index/milvus.ts');
  return openMilvusVectorIndex({ ...config.milvus, log });
}

async function backlogsOf(database: Database) {
  const { JobTable } = await import('./adapters/job-queue/job-table.ts');
  return new JobTable(database).backlogs(KNOWLEDGE_QUEUES.map(({ name }) => name));
}

function required<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('this installation has no such server');
  return part;
}

/** Last first; what never opened, or does not close in time, holds nobody up. */
async function closeAll(opened: readonly Promise<Closable>[]): Promise<void> {
  const closing = opened.toReversed().map((each) =>
    each.then(
      (store) => store.close(),
      () => undefined,
    ),
  );
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
  await Promise.race([Promise.allSettled(closing), promise]);
  clearTimeout(timer);
}
