import { sql } from 'kysely';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { CollectionDefinition } from '../../../ports/vector-index.ts';
import type { StoredGeneration } from '../ingestion/index-rows.ts';
import { statement } from '../repository.ts';

const COLLECTIONS_MAX = 1000;

/** Collections that hold something which searches see. */
export async function listCollections(database: SqlExecutor): Promise<CollectionDefinition[]> {
  const { rows } = await database.execute(
    statement<CollectionDefinition>(sql`select distinct s.collection as name, s.embedding_dimensions as dimensions
      from vector_stores s where s.deleted_at is null and exists (select from generations g
        where g.vector_store_id = s.id and g.state = 'current')
      order by 1 limit ${COLLECTIONS_MAX}`),
  );
  return rows;
}

/** Current generations of a collection by id, after `after`. */
export async function listCurrentGenerations(
  database: SqlExecutor,
  filter: { collection: string; after: string; limit: number },
): Promise<StoredGeneration[]> {
  const { rows } = await database.execute(
    statement<StoredGeneration>(sql`${currentGenerations(filter.collection)} and g.id > ${filter.after}
      order by g.id limit ${filter.limit}`),
  );
  return rows;
}

/** The current generations of a collection whose files were attached last. */
export async function listNewestGenerations(
  database: SqlExecutor,
  filter: { collection: string; limit: number },
): Promise<StoredGeneration[]> {
  const { rows } = await database.execute(
    statement<StoredGeneration>(sql`${currentGenerations(filter.collection)}
      order by g.created_at desc, g.id limit ${filter.limit}`),
  );
  return rows;
}

/** One current generation with chunks of each store that searches can ask, with its collection. */
export async function listProbes(
  database: SqlExecutor,
  page: { after: string; limit: number },
): Promise<(StoredGeneration & { collection: string })[]> {
  const { rows } = await database.execute(
    statement<StoredGeneration & { collection: string }>(sql`select distinct on (g.vector_store_id)
        g.id as "generationId", g.project_id as "projectId", g.vector_store_id as "storeId", g.collection,
        s.embedding_dimensions as dimensions, g.chunk_count as "chunkCount", g.pack_blob_key as "packKey"
      from generations g join vector_stores s on s.id = g.vector_store_id and s.deleted_at is null
      where g.state = 'current' and g.chunk_count > 0 and g.vector_store_id > ${page.after}
      order by g.vector_store_id, g.id limit ${page.limit}`),
  );
  return rows;
}

function currentGenerations(collection: string) {
  return sql`select g.id as "generationId", g.project_id as "projectId", g.vector_store_id as "storeId",
      s.embedding_dimensions as dimensions, g.chunk_count as "chunkCount", g.pack_blob_key as "packKey"
    from generations g join vector_stores s on s.id = g.vector_store_id
    where g.collection = ${collection} and g.state = 'current'`;
}
