import type { Log } from '../../lib/log.ts';
import type { Metrics } from '../../lib/metrics.ts';
import type { BlobStore } from '../../ports/blob-store.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Database } from '../../ports/database.ts';
import type { JobQueue } from '../../ports/job-queue.ts';
import type { VectorIndex } from '../../ports/vector-index.ts';
import type { EmbeddingService } from '../gateway/index.ts';

export interface KnowledgeDependencies {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly index: VectorIndex;
  readonly jobs: JobQueue;
  readonly clock: Clock;
  readonly embedding: EmbeddingService;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly options: KnowledgeOptions;
}

export interface KnowledgeOptions {
  /** Model of a vector store whose creator names none. */
  readonly defaultEmbeddingModel: string;
  readonly fileSizeMaxBytes: number;
  /** A larger file can be stored and not ingested: it is held in memory while it is parsed. */
  readonly ingestSizeMaxBytes: number;
  /** Files ingested at once by this instance. */
  readonly ingestConcurrency: number;
  readonly parserThreads: number;
  readonly parserMemoryMb: number;
  readonly parseTimeoutMs: number;
  readonly textLengthMax: number;
  readonly pagesMax: number;
  readonly chunksMax: number;
  /** Texts in one embedding call, and chunks in one part of a pack. */
  readonly embedBatchSize: number;
  readonly embedTimeoutMs: number;
  readonly blobTimeoutMs: number;
  readonly indexTimeoutMs: number;
  /** Deleted rows stay this long, so that a client that deletes while it pages keeps its cursor. */
  readonly deletedRetentionMs: number;
  /** Bytes of an upload that has not ended by then belong to a process that died. */
  readonly uploadTimeoutMs: number;
  /**
   * A run holds its file this long after each sign of life; no other job may take it meanwhile, nor may anything that
   * it writes be collected. Longer than everything that may happen between two signs.
   */
  readonly ingestClaimMs: number;
  /** So long after it was attached, a file that waits for a store or model that is away fails. */
  readonly outageAgeMaxMs: number;
  /** An ingestion that shows no sign of life for this long is put into the queue again. */
  readonly stalledIngestMs: number;
}

export const DEFAULT_KNOWLEDGE_OPTIONS: Omit<KnowledgeOptions, 'defaultEmbeddingModel'> = {
  fileSizeMaxBytes: 512 * 1024 * 1024,
  ingestSizeMaxBytes: 64 * 1024 * 1024,
  ingestConcurrency: 4,
  parserThreads: 2,
  parserMemoryMb: 768,
  parseTimeoutMs: 120_000,
  textLengthMax: 32 * 1024 * 1024,
  pagesMax: 10_000,
  chunksMax: 50_000,
  embedBatchSize: 64,
  embedTimeoutMs: 120_000,
  blobTimeoutMs: 60_000,
  indexTimeoutMs: 30_000,
  deletedRetentionMs: 3_600_000,
  uploadTimeoutMs: 24 * 3_600_000,
  ingestClaimMs: 10 * 60_000,
  outageAgeMaxMs: 24 * 3_600_000,
  stalledIngestMs: 15 * 60_000,
};
