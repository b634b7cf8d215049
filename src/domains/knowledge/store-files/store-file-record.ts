import type { Attributes } from '../attributes.ts';
import { unixSeconds } from '../page.ts';
import type { FileCounts } from '../stores/store-record.ts';
import type { StaticChunking } from './chunking-strategy.ts';

export const FILE_STATUSES = ['in_progress', 'completed', 'failed', 'cancelled'] as const;
export type FileStatus = (typeof FILE_STATUSES)[number];

export interface StoreFileRecord {
  readonly vector_store_id: string;
  readonly file_id: string;
  readonly status: FileStatus;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly attributes: Attributes;
  readonly chunking_strategy: StaticChunking;
  readonly usage_bytes: number;
  readonly chunks_done: number;
  readonly chunks_total: number | null;
  readonly created_at: Date;
}

/** OpenAI's vector store file, and how far its ingestion is. */
export function storeFileObject(file: StoreFileRecord) {
  return {
    id: file.file_id,
    object: 'vector_store.file' as const,
    created_at: unixSeconds(file.created_at),
    vector_store_id: file.vector_store_id,
    status: file.status,
    last_error:
      file.error_code === null
        ? null
        : { code: file.error_code, message: file.error_message ?? '' },
    usage_bytes: file.usage_bytes,
    attributes: file.attributes,
    chunking_strategy: file.chunking_strategy,
    progress: { chunks_done: file.chunks_done, chunks_total: file.chunks_total },
  };
}

export type StoreFileObject = ReturnType<typeof storeFileObject>;

export interface BatchRecord {
  readonly id: string;
  readonly vector_store_id: string;
  readonly created_at: Date;
  readonly cancelled_at: Date | null;
}

/** OpenAI's file batch. Files that failed do not fail it: they are counted. */
export function batchObject(batch: BatchRecord, counts: FileCounts) {
  return {
    id: batch.id,
    object: 'vector_store.files_batch' as const,
    created_at: unixSeconds(batch.created_at),
    vector_store_id: batch.vector_store_id,
    status: batchStatus(batch, counts),
    file_counts: counts,
  };
}

export type BatchObject = ReturnType<typeof batchObject>;

export function batchStatus(
  batch: BatchRecord,
  counts: FileCounts,
): 'in_progress' | 'completed' | 'cancelled' {
  if (batch.cancelled_at !== null) return 'cancelled';
  return counts.in_progress > 0 ? 'in_progress' : 'completed';
}
