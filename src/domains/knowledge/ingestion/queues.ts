import type { JobQueue, QueueDefinition } from '../../../ports/job-queue.ts';
import type { CollectionDefinition } from '../../../ports/vector-index.ts';

export const INGEST_QUEUE = 'knowledge-ingest';
export const COLLECT_QUEUE = 'knowledge-collect';
export const REBUILD_QUEUE = 'knowledge-rebuild';

export const KNOWLEDGE_QUEUES: readonly QueueDefinition[] = [
  { name: INGEST_QUEUE, retryLimit: 4, retryDelayMs: 2_000, leaseMs: 60_000 },
  { name: COLLECT_QUEUE, retryLimit: 2, retryDelayMs: 5_000, leaseMs: 120_000 },
  { name: REBUILD_QUEUE, retryLimit: 3, retryDelayMs: 30_000, leaseMs: 300_000 },
];

/** One waiting job for a file of a store is enough: it makes whatever generation is asked for when it begins. */
export function ingestJob(storeId: string, fileId: string) {
  return { payload: { storeId, fileId }, singletonKey: `${storeId}:${fileId}` };
}

/** Collecting is the same work whoever asks: one waiting job is enough. */
export const COLLECT_JOB = { singletonKey: COLLECT_QUEUE } as const;

/** Has a collection proven and what it lacks put back; one waiting job for each collection is enough. */
export async function enqueueRepair(
  jobs: JobQueue,
  { name, dimensions }: CollectionDefinition,
): Promise<void> {
  await jobs.enqueue(REBUILD_QUEUE, { name, dimensions }, { singletonKey: name });
}
