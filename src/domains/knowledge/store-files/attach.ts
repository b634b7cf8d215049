import type { Database, Statement, Transaction } from '../../../ports/database.ts';
import type { JobQueue } from '../../../ports/job-queue.ts';
import { fileNotFound, vectorStoreNotFound } from '../errors.ts';
import { INGEST_QUEUE, ingestJob } from '../ingestion/queues.ts';
import {
  type AttachedRow,
  type Attachment,
  type AttachTarget,
  beginGenerations,
  insertBatch,
  lockForAttach,
  updateAttached,
} from './attach-repository.ts';

// A batch of 2 000 files takes seconds on a busy embedded engine.
const ATTACH_TIMEOUT_MS = 60_000;

/**
 * Puts files into a store and their ingestion into the queue, in one transaction. A file that is there as asked
 * already is not ingested again. `paramOf` names the field of the request that named a missing file.
 */
export async function attachFiles(
  { database, jobs }: { database: Database; jobs: JobQueue },
  target: AttachTarget & { paramOf: (index: number) => string; recorded: Statement },
  attachments: readonly Attachment[],
): Promise<void> {
  const fileIds = attachments.map((each) => each.fileId);
  const work = async (transaction: Transaction) => {
    const locked = await lockForAttach(transaction, target, fileIds);
    if (!locked.isStoreLive) throw vectorStoreNotFound(target.storeId);
    const missing = fileIds.findIndex((fileId) => !locked.liveFiles.has(fileId));
    if (missing >= 0) throw fileNotFound(fileIds[missing] ?? '', target.paramOf(missing));
    if (target.batchId !== null) await insertBatch(transaction, target);
    await attachWithin(transaction, { jobs, target, attached: locked.attached }, attachments);
    await transaction.execute(target.recorded);
  };
  await database.transaction(work, { timeoutMs: ATTACH_TIMEOUT_MS });
}

async function attachWithin(
  transaction: Transaction,
  state: { jobs: JobQueue; target: AttachTarget; attached: ReadonlyMap<string, AttachedRow> },
  attachments: readonly Attachment[],
): Promise<void> {
  const { jobs, target, attached } = state;
  const kept = attachments.filter((each) => isAsAsked(attached.get(each.fileId), each));
  if (kept.length > 0) await updateAttached(transaction, target, kept);
  const fresh = attachments.filter((each) => !kept.includes(each));
  if (fresh.length === 0) return;
  await beginGenerations(transaction, target, fresh);
  const ingestions = fresh.map((each) => ingestJob(target.storeId, each.fileId));
  await jobs.enqueueMany(INGEST_QUEUE, ingestions, { transaction });
}

function isAsAsked(row: AttachedRow | undefined, wanted: Attachment): boolean {
  if (row === undefined || row.deleted) return false;
  if (row.status !== 'completed' && row.status !== 'in_progress') return false;
  const { static: there } = row.chunking_strategy;
  const { static: asked } = wanted.chunking;
  return (
    there.max_chunk_size_tokens === asked.max_chunk_size_tokens &&
    there.chunk_overlap_tokens === asked.chunk_overlap_tokens
  );
}
