import { DatabaseError } from '../../../ports/database.ts';
import type { Job } from '../../../ports/job-queue.ts';
import { RetryLaterError } from '../../../ports/job-queue.ts';
import { VectorIndexError } from '../../../ports/vector-index.ts';
import type { KnowledgeDependencies } from '../options.ts';
import { isIntact, repairCollection } from '../rebuild/rebuild.ts';
import { listCollections } from '../rebuild/repository.ts';
import { ensureTokenIndexes } from '../search/lexical-repository.ts';
import { collect } from './collect.ts';
import type { IngestTools } from './ingest.ts';
import { runIngestJob } from './ingest-job.ts';
import { COLLECT_QUEUE, enqueueRepair, INGEST_QUEUE, REBUILD_QUEUE } from './queues.ts';

const EVERY_MINUTE = '* * * * *';
const START_CHECK_TIMEOUT_MS = 60_000;

/** Begins to take jobs, and has the index repaired where it has lost something. The queue has been started before. */
export async function startKnowledgeWorkers(tools: IngestTools): Promise<void> {
  const { deps } = tools;
  const { jobs, options } = deps;
  await prepareLexicalSearch(deps);
  await jobs.work(INGEST_QUEUE, { concurrency: options.ingestConcurrency }, (job, signal) =>
    timed(deps, INGEST_QUEUE, () => runIngestJob(tools, job, signal)),
  );
  await jobs.work(COLLECT_QUEUE, { concurrency: 1 }, (_job, signal) =>
    timed(deps, COLLECT_QUEUE, () => collect(deps, signal)),
  );
  await jobs.work(REBUILD_QUEUE, { concurrency: 1 }, (job, signal) =>
    timed(deps, REBUILD_QUEUE, () => runRepairJob(tools, job, signal)),
  );
  await jobs.schedule(COLLECT_QUEUE, EVERY_MINUTE, {});
  // Beside everything else: opening the index must not hold up the first request.
  repairDamaged(deps).catch((error: unknown) =>
    deps.log.warn({ err: error }, 'the vector index was not checked'),
  );
}

/** Without its indexes the search in SQL is slow and right, so a role that may not make them is no reason to stop. */
async function prepareLexicalSearch({
  database,
  index,
  log,
}: KnowledgeDependencies): Promise<void> {
  if (index.capabilities.fullText) return;
  try {
    await ensureTokenIndexes(database);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    log.warn({ err: error }, 'the token indexes for searches in SQL could not be created');
  }
}

/** The embedded index can be lost with its folder, the other one with its server: both are derived. */
async function repairDamaged(deps: KnowledgeDependencies): Promise<void> {
  const { database, jobs, log } = deps;
  const signal = AbortSignal.timeout(START_CHECK_TIMEOUT_MS);
  for (const collection of await listCollections(database)) {
    try {
      if (await isIntact(deps, collection, signal)) continue;
      log.warn({ collection: collection.name }, 'the vector index has lost rows and is repaired');
      await enqueueRepair(jobs, collection);
    } catch (error) {
      if (!(error instanceof VectorIndexError) && !signal.aborted) throw error;
      log.warn({ err: error, collection: collection.name }, 'the vector index was not checked');
    }
  }
}

async function runRepairJob(
  { deps, collections }: IngestTools,
  job: Job,
  signal: AbortSignal,
): Promise<void> {
  const { name, dimensions } = job.payload;
  if (typeof name !== 'string' || typeof dimensions !== 'number') return;
  collections.forget(name);
  const result = await repairCollection(deps, { name, dimensions }, signal);
  if (result.failed.length > 0)
    deps.log.error(result, 'some files cannot be put back into the vector index');
  else deps.log.info(result, 'the vector index was repaired');
}

async function timed(
  { clock, metrics }: KnowledgeDependencies,
  queue: string,
  work: () => Promise<void>,
): Promise<void> {
  const startMs = clock.monotonicMs();
  const observe = (outcome: 'ok' | 'retry' | 'failed') =>
    metrics.jobDuration.observe({ queue, outcome }, (clock.monotonicMs() - startMs) / 1000);
  try {
    await work();
    observe('ok');
  } catch (error) {
    observe(error instanceof RetryLaterError ? 'retry' : 'failed');
    throw error;
  }
}
