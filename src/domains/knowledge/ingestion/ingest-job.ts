import { AppError } from '../../../lib/app-error.ts';
import { BlobNotFoundError } from '../../../ports/blob-store.ts';
import { type Job, RetryLaterError } from '../../../ports/job-queue.ts';
import { VectorIndexError } from '../../../ports/vector-index.ts';
import { ParseFailure } from '../text/parse-failure.ts';
import { removeTraces } from './collect.ts';
import { ingest, type IngestTools, OvertakenError } from './ingest.ts';
import { abandonGeneration, failGeneration, findIngestion, type Ingestion } from './repository.ts';
import { COLLECT_JOB, COLLECT_QUEUE } from './queues.ts';

const DEFAULT_RETRY_AFTER_MS = 10_000;

/** Handles one job of the ingest queue. Only trouble that may pass makes it fail, so that the queue tries again. */
export async function runIngestJob(
  tools: IngestTools,
  job: Job,
  signal: AbortSignal,
): Promise<void> {
  const key = { storeId: String(job.payload['storeId']), fileId: String(job.payload['fileId']) };
  const ingestion = await findIngestion(tools.deps.database, key);
  if (ingestion === undefined) return;
  try {
    await ingest(tools, ingestion, signal);
  } catch (error) {
    await handleFailure(tools, { ingestion, job, error }, signal);
  }
}

async function handleFailure(
  tools: IngestTools,
  failed: { ingestion: Ingestion; job: Job; error: unknown },
  signal: AbortSignal,
): Promise<void> {
  const { clock, database, jobs } = tools.deps;
  const { ingestion, job, error } = failed;
  // The lease was lost or the process ends: another run goes on where this one stopped.
  if (signal.aborted) throw error;
  if (error instanceof OvertakenError) {
    // Removed here and not left to the collector, which may have been there already, before the last step of this run.
    await removeTraces(tools.deps, [{ ...ingestion, id: ingestion.generationId }], signal);
    await abandonGeneration(database, ingestion.generationId, clock.now());
    await jobs.enqueue(COLLECT_QUEUE, {}, COLLECT_JOB);
    return;
  }
  if (isMissingCollection(error)) tools.collections.forget(ingestion.collection);
  const waitMs = retryAfterMs(error);
  if (waitMs !== undefined) throw new RetryLaterError('the embedding model is busy', waitMs);
  const failure = permanentFailure(error) ?? lastFailure(error, job);
  if (failure === undefined) throw error;
  tools.deps.log.warn(
    { err: error, fileId: ingestion.fileId, vectorStoreId: ingestion.storeId },
    'a file could not be ingested',
  );
  await failGeneration(database, ingestion, { ...failure, now: clock.now() });
}

function retryAfterMs(error: unknown): number | undefined {
  if (!(error instanceof AppError) || error.status !== 429) return undefined;
  return error.retryAfterMs ?? DEFAULT_RETRY_AFTER_MS;
}

/** Trouble that no repetition mends. */
function permanentFailure(error: unknown): { code: string; message: string } | undefined {
  if (error instanceof ParseFailure) return { code: error.code, message: error.message };
  if (error instanceof AppError && error.status < 500 && !error.retryable)
    return { code: 'server_error', message: `Embedding the file failed: ${error.message}` };
  if (error instanceof BlobNotFoundError)
    return { code: 'server_error', message: 'The bytes of the file are not in the blob store.' };
  return undefined;
}

function lastFailure(error: unknown, job: Job): { code: string; message: string } | undefined {
  if (!job.isLastAttempt) return undefined;
  const tries = `after ${job.attempt + 1} tries`;
  return { code: 'server_error', message: `${causeOf(error)} ${tries}. Attach the file again.` };
}

function causeOf(error: unknown): string {
  if (error instanceof AppError) return `Embedding the file failed (${error.message})`;
  if (error instanceof VectorIndexError) return 'The vector index did not take the file';
  return 'The file could not be ingested';
}

function isMissingCollection(error: unknown): boolean {
  return error instanceof VectorIndexError && error.code === 'collection_missing';
}
