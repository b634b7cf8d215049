import { sql } from 'kysely';
import type { SqlExecutor, Statement } from '../../../ports/database.ts';
import type { Attributes } from '../attributes.ts';
import type { Position } from '../page.ts';
import {
  inOrder,
  jsonValue,
  type KeysetPage,
  pageOrder,
  statement,
  withinPage,
} from '../repository.ts';
import { type FileCounts, NO_FILES } from '../stores/store-record.ts';
import type { BatchRecord, FileStatus, StoreFileRecord } from './store-file-record.ts';

const columns = { createdAt: sql`created_at`, id: sql`file_id` };
const fields = sql`vector_store_id, file_id, status, error_code, error_message, attributes, chunking_strategy,
  usage_bytes, chunks_done, chunks_total, created_at`;

export interface StoreFileKey {
  readonly projectId: string;
  readonly storeId: string;
  readonly fileId: string;
}

export async function findStoreFile(
  database: SqlExecutor,
  key: StoreFileKey,
): Promise<StoreFileRecord | undefined> {
  const { rows } = await database.execute(
    statement<StoreFileRecord>(sql`select ${fields} from vector_store_files where ${isFile(key)}`),
  );
  return rows[0];
}

/** Deleted ones count too: their place in the list is still known. */
export async function findStoreFilePosition(
  database: SqlExecutor,
  key: StoreFileKey,
): Promise<Position | undefined> {
  const { rows } = await database.execute(
    statement<{ created_at: Date }>(sql`select created_at from vector_store_files
      where vector_store_id = ${key.storeId} and file_id = ${key.fileId} and project_id = ${key.projectId}`),
  );
  return rows[0] && { id: key.fileId, createdAt: rows[0].created_at };
}

export async function listStoreFiles(
  database: SqlExecutor,
  filter: { projectId: string; storeId: string; batchId?: string; status?: FileStatus },
  page: KeysetPage,
): Promise<{ rows: StoreFileRecord[]; hasMore: boolean }> {
  const status = filter.status === undefined ? sql`true` : sql`status = ${filter.status}`;
  const batch = filter.batchId === undefined ? sql`true` : sql`batch_id = ${filter.batchId}`;
  const { rows } = await database.execute(
    statement<StoreFileRecord>(sql`select ${fields} from vector_store_files
      where vector_store_id = ${filter.storeId} and project_id = ${filter.projectId} and deleted_at is null
        and ${status} and ${batch} and ${withinPage(page, columns)}
      order by ${pageOrder(page, columns)}`),
  );
  return inOrder(page, rows);
}

export async function updateStoreFileAttributes(
  database: SqlExecutor,
  key: StoreFileKey,
  attributes: Attributes,
): Promise<StoreFileRecord | undefined> {
  const { rows } = await database.execute(
    statement<StoreFileRecord>(sql`update vector_store_files set attributes = ${jsonValue(attributes)}
      where ${isFile(key)} returning ${fields}`),
  );
  return rows[0];
}

/** Takes a file out of one store: from this moment on no search sees it. */
export async function deleteStoreFile(
  transaction: SqlExecutor,
  key: StoreFileKey & { now: Date },
): Promise<boolean> {
  const deleted = await transaction.execute(
    statement(sql`update vector_store_files set ${asDeleted(key.now)} where ${isFile(key)}`),
  );
  await transaction.execute(
    statement(sql`update generations set state = 'superseded', superseded_at = ${key.now}
      where vector_store_id = ${key.storeId} and file_id = ${key.fileId} and project_id = ${key.projectId}
        and state <> 'superseded'`),
  );
  return deleted.affectedRows > 0;
}

/** Statements that take files out of every store, for the transaction that deletes the files themselves. */
export function detachFiles(key: {
  projectId: string;
  fileIds: readonly string[];
  now: Date;
}): Statement[] {
  return [
    statement(sql`update vector_store_files set ${asDeleted(key.now)}
      where file_id = any(${key.fileIds}::text[]) and project_id = ${key.projectId} and deleted_at is null`),
    statement(sql`update generations set state = 'superseded', superseded_at = ${key.now}
      where file_id = any(${key.fileIds}::text[]) and project_id = ${key.projectId} and state <> 'superseded'`),
  ];
}

export async function findBatch(
  database: SqlExecutor,
  key: { projectId: string; storeId: string; batchId: string },
): Promise<BatchRecord | undefined> {
  const { rows } = await database.execute(
    statement<BatchRecord>(sql`select id, vector_store_id, created_at, cancelled_at from file_batches
      where id = ${key.batchId} and vector_store_id = ${key.storeId} and project_id = ${key.projectId}`),
  );
  return rows[0];
}

export async function countBatchFiles(database: SqlExecutor, batchId: string): Promise<FileCounts> {
  const { rows } = await database.execute(
    statement<{ status: FileStatus; count: number }>(sql`select status, count(*) as count
      from vector_store_files where batch_id = ${batchId} group by status`),
  );
  const counts = { ...NO_FILES };
  for (const row of rows) Object.assign(counts, { [row.status]: row.count });
  return { ...counts, total: rows.reduce((sum, row) => sum + row.count, 0) };
}

/** What is done stays; files under way stop at their next step. False when the batch had ended; one transaction. */
export async function cancelBatch(
  transaction: SqlExecutor,
  key: { batchId: string; now: Date },
): Promise<boolean> {
  const cancelled = await transaction.execute(
    statement<{ building_generation_id: string }>(sql`with stopped as (
          select vector_store_id, file_id, building_generation_id from vector_store_files
          where batch_id = ${key.batchId} and status = 'in_progress' order by file_id for update)
        update vector_store_files f set status = 'cancelled', building_generation_id = null from stopped s
        where f.vector_store_id = s.vector_store_id and f.file_id = s.file_id returning s.building_generation_id`),
  );
  if (cancelled.rows.length === 0) return false;
  const generationIds = cancelled.rows.map((row) => row.building_generation_id);
  await transaction.execute(
    statement(sql`update generations set state = 'superseded', superseded_at = ${key.now}
        where id = any(${generationIds}::text[]) and state = 'building'`),
  );
  await transaction.execute(
    statement(sql`update file_batches set cancelled_at = ${key.now} where id = ${key.batchId}`),
  );
  return true;
}

export interface ContentChunk {
  readonly ordinal: number;
  readonly content: string;
  readonly char_start: number;
  readonly char_end: number;
}

/** The generation that searches see of a file. */
export async function findCurrentGeneration(
  database: SqlExecutor,
  key: StoreFileKey,
): Promise<string | undefined> {
  const { rows } = await database.execute(
    statement<{ id: string | null }>(
      sql`select current_generation_id as id from vector_store_files where ${isFile(key)}`,
    ),
  );
  return rows[0]?.id ?? undefined;
}

/** Text of a generation in order, a chunk a row. */
export async function listContent(
  database: SqlExecutor,
  filter: { generationId: string; afterOrdinal: number; limit: number },
): Promise<ContentChunk[]> {
  const { rows } = await database.execute(
    statement<ContentChunk>(sql`select ordinal, content, char_start, char_end from chunks
      where generation_id = ${filter.generationId} and ordinal > ${filter.afterOrdinal}
      order by ordinal limit ${filter.limit}`),
  );
  return rows;
}

export async function removeDeletedStoreFiles(
  database: SqlExecutor,
  filter: { before: Date; limit: number },
): Promise<void> {
  await database.execute(
    statement(sql`delete from vector_store_files where (vector_store_id, file_id) in (
      select vector_store_id, file_id from vector_store_files where deleted_at < ${filter.before}
      order by deleted_at limit ${filter.limit})`),
  );
}

function isFile(key: StoreFileKey) {
  return sql`vector_store_id = ${key.storeId} and file_id = ${key.fileId} and project_id = ${key.projectId}
    and deleted_at is null`;
}

function asDeleted(now: Date) {
  return sql`deleted_at = ${now}, current_generation_id = null, building_generation_id = null, batch_id = null`;
}
