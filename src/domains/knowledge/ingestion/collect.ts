import type { KnowledgeDependencies } from '../options.ts';
import {
  deletePendingBlobs,
  listDeletedFiles,
  listExpiredFiles,
  listPendingBlobs,
  markFilesDeleted,
  removeFiles,
} from '../files/repository.ts';
import { detachFiles, removeDeletedStoreFiles } from '../store-files/repository.ts';
import { removeDeletedStores } from '../stores/repository.ts';
import {
  listSuperseded,
  removeGenerations,
  type SupersededGeneration,
  type SupersededPosition,
  supersedeOrphans,
} from './collect-repository.ts';
import { packPrefix } from './pack.ts';
import { INGEST_QUEUE, ingestJob } from './queues.ts';
import { listStalledIngestions } from './repository.ts';

const BATCH = 100;
const BLOBS_PER_LIST = 1000;
const SWEEP_LIMIT = 1000;

type Step = (deps: KnowledgeDependencies, signal: AbortSignal) => Promise<void>;

// Ingestions first: somebody waits for them.
const STEPS: readonly (readonly [string, Step])[] = [
  ['stalled ingestions', requeueStalled],
  ['expired files', expireFiles],
  ['generations', collectGenerations],
  ['deleted files', collectDeletedFiles],
  ['deleted rows', collectRows],
  ['broken-off uploads', collectPendingBlobs],
];

/**
 * Removes what nobody can see any more: generations (first from the index, then their blobs, their rows last, so
 * that a run that dies is repeated), files and stores deleted a while ago, and uploads that never ended. Puts
 * ingestions that have stalled back into the queue. A step that fails stops no other; it makes the whole fail at last.
 */
export async function collect(deps: KnowledgeDependencies, signal: AbortSignal): Promise<void> {
  const failures = new Failures(deps, signal);
  for (const [name, step] of STEPS) await failures.collect(name, () => step(deps, signal));
  failures.rethrow();
}

/** Goes on after failures and throws them together at the end. An abort ends everything at once. */
class Failures {
  readonly #deps: KnowledgeDependencies;
  readonly #signal: AbortSignal;
  readonly #failed = new Map<string, unknown>();

  constructor(deps: KnowledgeDependencies, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  has(name: string): boolean {
    return this.#failed.has(name);
  }

  async collect(name: string, work: () => Promise<void>): Promise<void> {
    this.#signal.throwIfAborted();
    try {
      await work();
    } catch (error) {
      this.#signal.throwIfAborted();
      this.#deps.log.warn({ err: error, part: name }, 'something could not be collected');
      this.#failed.set(name, error);
    }
  }

  rethrow(): void {
    if (this.#failed.size === 0) return;
    const names = [...this.#failed.keys()].join(', ');
    throw new AggregateError(this.#failed.values(), `could not collect: ${names}`);
  }
}

async function expireFiles({ clock, database }: KnowledgeDependencies): Promise<void> {
  const now = clock.now();
  const byProject = new Map<string, string[]>();
  for (const file of await listExpiredFiles(database, { now, limit: SWEEP_LIMIT })) {
    const fileIds = byProject.get(file.project_id) ?? [];
    byProject.set(file.project_id, fileIds);
    fileIds.push(file.id);
  }
  for (const [projectId, fileIds] of byProject) {
    const key = { projectId, fileIds, now };
    await database.batch([markFilesDeleted(key), ...detachFiles(key)]);
  }
}

async function collectGenerations(deps: KnowledgeDependencies, signal: AbortSignal): Promise<void> {
  const { clock, database, options } = deps;
  const now = clock.now();
  const before = new Date(now.getTime() - options.stalledIngestMs);
  await supersedeOrphans(database, { before, now, limit: SWEEP_LIMIT });
  const failures = new Failures(deps, signal);
  let after: SupersededPosition | undefined;
  for (;;) {
    const generations = await listSuperseded(database, { after, now, limit: BATCH });
    after = generations.at(-1);
    if (after === undefined) break;
    for (const [collection, group] of Map.groupBy(generations, (each) => each.collection)) {
      if (failures.has(collection)) continue;
      await failures.collect(collection, () => removeForGood(deps, group, signal));
    }
  }
  failures.rethrow();
}

async function removeForGood(
  deps: KnowledgeDependencies,
  generations: readonly SupersededGeneration[],
  signal: AbortSignal,
): Promise<void> {
  await removeTraces(deps, generations, signal);
  const ids = generations.map((each) => each.id);
  await removeGenerations(deps.database, ids, signal);
}

/** Takes generations out of the index and the blob store; their rows in SQL stay. */
export async function removeTraces(
  deps: KnowledgeDependencies,
  generations: readonly SupersededGeneration[],
  signal: AbortSignal,
): Promise<void> {
  await removeFromIndex(deps, generations, signal);
  for (const generation of generations) await deleteBlobs(deps, packPrefix(generation.id), signal);
}

async function removeFromIndex(
  { index, options }: KnowledgeDependencies,
  generations: readonly SupersededGeneration[],
  signal: AbortSignal,
): Promise<void> {
  for (const collection of new Set(generations.map((each) => each.collection))) {
    const ids = generations.filter((each) => each.collection === collection).map(({ id }) => id);
    await index.deleteGenerations(collection, ids, { timeoutMs: options.indexTimeoutMs, signal });
  }
}

async function deleteBlobs(
  { blobs, options }: KnowledgeDependencies,
  prefix: string,
  signal: AbortSignal,
): Promise<void> {
  const call = { timeoutMs: options.blobTimeoutMs, signal };
  for (;;) {
    const { blobs: found, hasMore } = await blobs.list(prefix, { ...call, limit: BLOBS_PER_LIST });
    if (found.length > 0)
      await blobs.delete(
        found.map((blob) => blob.key),
        call,
      );
    if (!hasMore) return;
  }
}

async function collectDeletedFiles(
  { blobs, clock, database, options }: KnowledgeDependencies,
  signal: AbortSignal,
): Promise<void> {
  const before = new Date(clock.now().getTime() - options.deletedRetentionMs);
  for (;;) {
    signal.throwIfAborted();
    const files = await listDeletedFiles(database, { before, limit: BATCH });
    if (files.length === 0) return;
    const keys = files.map((file) => file.blob_key);
    await blobs.delete(keys, { timeoutMs: options.blobTimeoutMs, signal });
    await removeFiles(
      database,
      files.map((file) => file.id),
    );
  }
}

async function collectRows({ clock, database, options }: KnowledgeDependencies): Promise<void> {
  const before = new Date(clock.now().getTime() - options.deletedRetentionMs);
  await removeDeletedStoreFiles(database, { before, limit: SWEEP_LIMIT });
  await removeDeletedStores(database, { before, limit: BATCH });
}

async function collectPendingBlobs(
  { blobs, clock, database, options }: KnowledgeDependencies,
  signal: AbortSignal,
): Promise<void> {
  const before = new Date(clock.now().getTime() - options.uploadTimeoutMs);
  const keys = await listPendingBlobs(database, { before, limit: BATCH });
  if (keys.length === 0) return;
  await blobs.delete(keys, { timeoutMs: options.blobTimeoutMs, signal });
  await deletePendingBlobs(database, keys);
}

// A job that waits already keeps its place: the singleton key leaves the second one out.
async function requeueStalled(deps: KnowledgeDependencies): Promise<void> {
  const { clock, database, jobs, options } = deps;
  const now = clock.now();
  const before = new Date(now.getTime() - options.stalledIngestMs);
  const stalled = await listStalledIngestions(database, { before, now, limit: SWEEP_LIMIT });
  if (stalled.length === 0) return;
  await jobs.enqueueMany(
    INGEST_QUEUE,
    stalled.map((each) => ingestJob(each.storeId, each.fileId)),
  );
}
