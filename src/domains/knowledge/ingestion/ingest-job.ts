import { AppError } from '../../../lib/app-error.ts';
import { BlobNotFoundError } from '../../../ports/blob-store.ts';
import { type Job, RetryLaterError } from '../../../ports/job-queue.ts';
import { VectorIndexError } from '../../../ports/vector-index.ts';
import type { KnowledgeDependencies } from '../options.ts';
import { ParseFailure } from '../text/parse-failure.ts';
import {
  claimIngestion,
  findClaimEnd,
  releaseClaim,
  settleGeneration,
} from './claim-repository.ts';
import { removeTraces } from './collect.ts';
import { ingest, type IngestTools } from './ingest.ts';
import { type Outage, outageOf } from './outage.ts';
import { OvertakenError } from './overtaken-error.ts';
import { COLLECT_JOB, COLLECT_QUEUE, enqueueRepair, INGEST_QUEUE, ingestJob } from './queues.ts';
import { failGeneration, type IngestKey, type Ingestion } from './repository.ts';

const HELD_RETRY_MIN_MS = 1_000;
const HELD_RETRY_MAX_MS = 60_000;
const MS_PER_HOUR = 3_600_000;

interface Failed {
  readonly ingestion: Ingestion;
  readonly job: Job;
  readonly error: unknown;
}

/** Handles one job of the ingest queue. Only trouble that may pass makes it fail, so that the queue tries again. */
export async function runIngestJob(
  tools: IngestTools,
  job: Job,
  signal: AbortSignal,
): Promise<void> {
  const key = { storeId: String(job.payload['storeId']), fileId: String(job.payload['fileId']) };
  try {
    const ingestion = await claim(tools.deps, job, key);
    if (ingestion === undefined) return;
    await runClaimed(tools, { ingestion, job }, signal);
  } catch (error) {
    const outage = outageOf(error);
    if (signal.aborted || outage === undefined) throw error;
    throw new RetryLaterError(outage.reason, outage.retryAfterMs);
  }
}

/** The ingestion, held by this run; undefined when there is none. Waits, outside this run, while another holds it. */
async function claim(
  { clock, database, options }: KnowledgeDependencies,
  job: Job,
  key: IngestKey,
): Promise<Ingestion | undefined> {
  const now = clock.now();
  const ingestion = await claimIngestion(database, {
    ...key,
    jobId: job.id,
    claimedBy: clock.newId(`${job.id}/`),
    now,
    until: new Date(now.getTime() + options.ingestClaimMs),
  });
  if (ingestion !== undefined) return ingestion;
  const heldUntil = await findClaimEnd(database, key);
  if (heldUntil === undefined) return undefined;
  const waitMs = Math.max(heldUntil.getTime() - now.getTime(), HELD_RETRY_MIN_MS);
  throw new RetryLaterError('another run ingests the file', Math.min(waitMs, HELD_RETRY_MAX_MS));
}

async function runClaimed(
  tools: IngestTools,
  { ingestion, job }: { ingestion: Ingestion; job: Job },
  signal: AbortSignal,
): Promise<void> {
  try {
    await ingest(tools, ingestion, signal);
  } catch (error) {
    // The lease was lost or the process ends: the next run of this job goes on where this one stopped.
    if (signal.aborted) throw error;
    if (error instanceof OvertakenError) await handleOvertaken(tools.deps, ingestion, signal);
    else await handleFailure(tools, { ingestion, job, error });
  }
}

/** Cleans up only what nobody can want: the generation may have been made, or be made now, by another run. */
async function handleOvertaken(
  deps: KnowledgeDependencies,
  ingestion: Ingestion,
  signal: AbortSignal,
): Promise<void> {
  const { clock, database, jobs } = deps;
  const settled = await settleGeneration(database, ingestion, clock.now());
  if (settled?.state === 'current') return;
  if (settled?.state === 'building' && settled.claimedBy === ingestion.claimedBy) {
    await release(deps, ingestion, 0);
    throw new Error('chunks of the file are missing in the database, so it is parsed again');
  }
  if (settled?.state !== 'building') {
    // Here and not left to the collector, which may have been there already, before the last step of this run.
    await removeTraces(deps, [{ ...ingestion, id: ingestion.generationId }], signal);
    await release(deps, ingestion, 0);
    await jobs.enqueue(COLLECT_QUEUE, {}, COLLECT_JOB);
  }
  // Whatever the file waits for now has a job already, or gets one here; too many are harmless.
  await jobs.enqueueMany(INGEST_QUEUE, [ingestJob(ingestion.storeId, ingestion.fileId)]);
}

async function handleFailure(tools: IngestTools, failed: Failed): Promise<void> {
  const { collections, deps } = tools;
  const { ingestion, job, error } = failed;
  if (isIndexError(error, 'collection_missing')) collections.forget(ingestion.collection);
  if (isIndexError(error, 'collection_corrupt'))
    await enqueueRepair(deps.jobs, { ...ingestion, name: ingestion.collection });
  const outage = outageOf(error);
  const ageMs = deps.clock.now().getTime() - ingestion.attachedAt.getTime();
  if (outage !== undefined && (!outage.isBroken || ageMs < deps.options.outageAgeMaxMs)) {
    await release(deps, ingestion, outage.retryAfterMs);
    throw new RetryLaterError(outage.reason, outage.retryAfterMs);
  }
  const failure =
    permanentFailure(error) ??
    (outage === undefined ? lastFailure(error, job) : outlasted(outage, ageMs));
  if (failure === undefined) {
    await release(deps, ingestion, 0);
    throw error;
  }
  const { fileId, storeId: vectorStoreId } = ingestion;
  deps.log.warn({ err: error, fileId, vectorStoreId }, 'a file could not be ingested');
  await failGeneration(deps.database, ingestion, { ...failure, now: deps.clock.now() });
}

/** A claim that cannot be given back ends by itself, so this never hides why the run stops. */
async function release(
  { clock, database, log }: KnowledgeDependencies,
  ingestion: Ingestion,
  returnsAfterMs: number,
): Promise<void> {
  const progressedAt = new Date(clock.now().getTime() + returnsAfterMs);
  try {
    await releaseClaim(database, ingestion, progressedAt);
  } catch (error) {
    log.warn({ err: error, fileId: ingestion.fileId }, 'the claim of a file was not given back');
  }
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

function outlasted({ reason }: Outage, ageMs: number): { code: string; message: string } {
  const hours = Math.floor(ageMs / MS_PER_HOUR);
  const message = `The file waited ${hours} hours and could not be ingested: ${reason}. Attach the file again.`;
  return { code: 'server_error', message };
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

function isIndexError(error: unknown, code: VectorIndexError['code']): boolean {
  return error instanceof VectorIndexError && error.code === code;
}
