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
  supersedeOrphans,
} from './collect-repository.ts';
import { packPrefix } from './pack.ts';
import { INGEST_QUEUE, ingestJob } from './queues.ts';
import { listStalledIngestions } from './repository.ts';

const BATCH = 100;
const BLOBS_PER_LIST = 1000;
const SWEEP_LIMIT = 1000;

/**
 * Removes what nobody can see any more: generations (first from the index, then their blobs, their rows last, so
 * that a run that dies is repeated), files and stores deleted a while ago, and uploads that never ended. Puts
 * ingestions that have stalled back into the queue.
 */
export async function collect(deps: KnowledgeDependencies, signal: AbortSignal): Promise<void> {
  await expireFiles(deps);
  await collectGenerations(deps, signal);
  await collectDeletedFiles(deps, signal);
  await collectRows(deps);
  await collectPendingBlobs(deps, signal);
  await requeueStalled(deps);
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
  for (;;) {
    signal.throwIfAborted();
    const generations = await listSuperseded(database, BATCH);
    if (generations.length === 0) return;
    await removeTraces(deps, generations, signal);
    await removeGenerations(
      database,
      generations.map((each) => each.id),
    );
  }
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
  const before = new Date(clock.now().getTime() - options.stalledIngestMs);
  const stalled = await listStalledIngestions(database, { before, limit: SWEEP_LIMIT });
  if (stalled.length === 0) return;
  await jobs.enqueueMany(
    INGEST_QUEUE,
    stalled.map((each) => ingestJob(each.storeId, each.fileId)),
  );
}
