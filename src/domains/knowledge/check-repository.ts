import { sql } from 'kysely';
import type { SqlExecutor } from '../../ports/database.ts';
import { statement } from './repository.ts';

export interface StoredBlob {
  /** Of the file or the generation that it belongs to. */
  readonly ownerId: string;
  readonly key: string;
  /** Null where SQL does not know it. */
  readonly sizeBytes: number | null;
}

export interface IndexedGeneration {
  readonly id: string;
  readonly collection: string;
  readonly chunkCount: number;
}

interface Sample {
  /** A place among the ids, which are random. */
  readonly after: string;
  readonly limit: number;
}

/** Blobs of files: the newest, and some from another place each time. */
export async function sampleFileBlobs(
  database: SqlExecutor,
  { after, limit }: Sample,
): Promise<StoredBlob[]> {
  const fields = sql`id as "ownerId", blob_key as key, size_bytes as "sizeBytes"`;
  const { rows } = await database.execute(
    statement<StoredBlob>(sql`
      (select ${fields} from files where deleted_at is null order by created_at desc, id limit ${limit})
      union (select ${fields} from files where deleted_at is null and id > ${after} order by id limit ${limit})`),
  );
  return rows;
}

/** Embeddings of what searches see, likewise. */
export async function samplePackBlobs(
  database: SqlExecutor,
  { after, limit }: Sample,
): Promise<StoredBlob[]> {
  const fields = sql`id as "ownerId", pack_blob_key as key, null::bigint as "sizeBytes"`;
  const isPacked = sql`state = 'current' and pack_blob_key is not null`;
  const { rows } = await database.execute(
    statement<StoredBlob>(sql`
      (select ${fields} from generations where ${isPacked} order by created_at desc, id limit ${limit})
      union (select ${fields} from generations where ${isPacked} and id > ${after} order by id limit ${limit})`),
  );
  return rows;
}

/** Generations that searches see, likewise. */
export async function sampleIndexedGenerations(
  database: SqlExecutor,
  { after, limit }: Sample,
): Promise<IndexedGeneration[]> {
  const fields = sql`id, collection, chunk_count as "chunkCount"`;
  const isWhole = sql`state = 'current' and chunk_count is not null`;
  const { rows } = await database.execute(
    statement<IndexedGeneration>(sql`
      (select ${fields} from generations where ${isWhole} order by created_at desc, id limit ${limit})
      union (select ${fields} from generations where ${isWhole} and id > ${after} order by id limit ${limit})`),
  );
  return rows;
}

/** Those of the keys that nothing in SQL names, not even an upload under way. */
export async function listUnknownBlobKeys(
  database: SqlExecutor,
  keys: readonly string[],
): Promise<string[]> {
  const { rows } = await database.execute(
    statement<{ key: string }>(sql`select k.key from unnest(${keys}::text[]) as k(key)
      where not exists (select from files f where f.blob_key = k.key)
        and not exists (select from pending_blobs p where p.blob_key = k.key)
      order by 1`),
  );
  return rows.map(({ key }) => key);
}

/** Files whose ingestion has shown no sign of life since `before`, longest first. */
export async function listStuckFiles(
  database: SqlExecutor,
  { before, limit }: { before: Date; limit: number },
): Promise<{ fileId: string; storeId: string }[]> {
  const { rows } = await database.execute(
    statement<{
      fileId: string;
      storeId: string;
    }>(sql`select file_id as "fileId", vector_store_id as "storeId"
      from vector_store_files where status = 'in_progress' and deleted_at is null and progressed_at < ${before}
      order by progressed_at limit ${limit}`),
  );
  return rows;
}

/** How much is stored. */
export async function countStored(
  database: SqlExecutor,
): Promise<{ files: number; sizeBytes: number; chunks: number }> {
  const { rows } = await database.execute(
    statement<{ files: number; sizeBytes: number; chunks: number }>(sql`select count(*) as files,
      coalesce(sum(size_bytes), 0)::bigint as "sizeBytes",
      (select coalesce(sum(chunk_count), 0)::bigint from generations where state = 'current') as chunks
      from files where deleted_at is null`),
  );
  return rows[0] ?? { files: 0, sizeBytes: 0, chunks: 0 };
}
