import { sql } from 'kysely';
import type { Transaction } from '../../../ports/database.ts';
import type { Attributes } from '../attributes.ts';
import { jsonValue, statement } from '../repository.ts';
import type { StaticChunking } from './chunking-strategy.ts';
import type { FileStatus } from './store-file-record.ts';

export interface Attachment {
  readonly fileId: string;
  /** Of the generation that this attachment makes, unless the same one is there already. */
  readonly generationId: string;
  readonly attributes: Attributes;
  readonly chunking: StaticChunking;
}

export interface AttachTarget {
  readonly projectId: string;
  readonly storeId: string;
  readonly collection: string;
  readonly batchId: string | null;
  readonly now: Date;
}

export interface AttachedRow {
  readonly file_id: string;
  readonly status: FileStatus;
  readonly chunking_strategy: StaticChunking;
  readonly deleted: boolean;
}

/**
 * Locks what an attachment stands on, always in the order store, files, rows: two attachments of the same files wait
 * for each other and never deadlock, and neither store nor file can be deleted before the attachment is there.
 */
export async function lockForAttach(
  transaction: Transaction,
  target: AttachTarget,
  fileIds: readonly string[],
): Promise<{ isStoreLive: boolean; liveFiles: Set<string>; attached: Map<string, AttachedRow> }> {
  const store = await transaction.execute(
    statement(
      sql`select id from vector_stores where id = ${target.storeId} and deleted_at is null for share`,
    ),
  );
  const files = await transaction.execute(
    statement<{ id: string }>(sql`select id from files where id = any(${fileIds}::text[])
      and project_id = ${target.projectId} and deleted_at is null
      and (expires_at is null or expires_at > ${target.now}) order by id for share`),
  );
  const rows = await transaction.execute(
    statement<AttachedRow>(sql`select file_id, status, chunking_strategy, deleted_at is not null as deleted
      from vector_store_files where vector_store_id = ${target.storeId} and file_id = any(${fileIds}::text[])
      order by file_id for update`),
  );
  return {
    isStoreLive: store.rows.length > 0,
    liveFiles: new Set(files.rows.map((row) => row.id)),
    attached: new Map(rows.rows.map((row) => [row.file_id, row])),
  };
}

export async function insertBatch(transaction: Transaction, target: AttachTarget): Promise<void> {
  await transaction.execute(
    statement(sql`insert into file_batches (id, project_id, vector_store_id, created_at)
      values (${target.batchId}, ${target.projectId}, ${target.storeId}, ${target.now})`),
  );
}

/** The file is in the store as asked already, done or under way: only its attributes and its batch change. */
export async function updateAttached(
  transaction: Transaction,
  target: AttachTarget,
  attachments: readonly Attachment[],
): Promise<void> {
  await transaction.execute(
    statement(sql`update vector_store_files f set attributes = a.attributes,
      batch_id = coalesce(${target.batchId}::text, f.batch_id)
      from ${recordset(attachments)} where f.vector_store_id = ${target.storeId} and f.file_id = a.file_id`),
  );
}

/** Begins a new generation of each file. The one that searches see stays current until the new one is complete. */
export async function beginGenerations(
  transaction: Transaction,
  target: AttachTarget,
  attachments: readonly Attachment[],
): Promise<void> {
  await transaction.execute(
    statement(sql`update generations set state = 'superseded', superseded_at = ${target.now}
      where state = 'building' and vector_store_id = ${target.storeId}
        and file_id = any(${attachments.map((each) => each.fileId)}::text[])`),
  );
  await transaction.execute(
    statement(sql`insert into generations (id, project_id, vector_store_id, file_id, collection, state, created_at)
      select a.generation_id, ${target.projectId}::text, ${target.storeId}::text, a.file_id,
        ${target.collection}::text, 'building', ${target.now}::timestamptz from ${recordset(attachments)}`),
  );
  await transaction.execute(
    statement(sql`insert into vector_store_files as f (vector_store_id, file_id, project_id, batch_id, status,
        attributes, chunking_strategy, building_generation_id, progressed_at, created_at)
      select ${target.storeId}::text, a.file_id, ${target.projectId}::text, ${target.batchId}::text, 'in_progress',
        a.attributes, a.chunking, a.generation_id, ${target.now}::timestamptz, ${target.now}::timestamptz
      from ${recordset(attachments)} order by a.file_id
      on conflict (vector_store_id, file_id) do update set batch_id = excluded.batch_id, status = 'in_progress',
        error_code = null, error_message = null, attributes = excluded.attributes,
        chunking_strategy = excluded.chunking_strategy, building_generation_id = excluded.building_generation_id,
        chunks_done = 0, chunks_total = null, progressed_at = excluded.progressed_at,
        created_at = case when f.deleted_at is null then f.created_at else excluded.created_at end,
        usage_bytes = case when f.deleted_at is null then f.usage_bytes else 0 end, deleted_at = null`),
  );
}

function recordset(attachments: readonly Attachment[]) {
  const rows = attachments.map((each) => ({
    file_id: each.fileId,
    generation_id: each.generationId,
    attributes: each.attributes,
    chunking: each.chunking,
  }));
  return sql`jsonb_to_recordset(${jsonValue(rows)})
    as a (file_id text, generation_id text, attributes jsonb, chunking jsonb)`;
}
