import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { Attributes } from '../attributes.ts';
import { statement } from '../repository.ts';
import type { Filter } from './filter.ts';
import { filterCondition } from './filter-repository.ts';

export interface VisibleScope {
  readonly projectId: string;
  readonly storeId: string;
  readonly filter: Filter | undefined;
  readonly now: Date;
}

export interface VisibleChunk {
  readonly generationId: string;
  readonly ordinal: number;
  readonly fileId: string;
  readonly filename: string;
  readonly attributes: Attributes;
  readonly content: string;
  readonly charStart: number;
  readonly charEnd: number;
  readonly page: number | null;
  readonly headingPath: string | null;
}

/** Whether the store has anything to search; an index may not even have its collection. */
export async function hasCurrentGeneration(
  database: SqlExecutor,
  scope: { projectId: string; storeId: string },
): Promise<boolean> {
  const { rows } = await database.execute(
    statement(sql`select 1 from vector_store_files where vector_store_id = ${scope.storeId}
      and project_id = ${scope.projectId} and current_generation_id is not null and deleted_at is null limit 1`),
  );
  return rows.length > 0;
}

/** Current generations of files that the filter lets through, at most `limit`. */
export async function listMatchingGenerations(
  database: SqlExecutor,
  scope: VisibleScope,
  limit: number,
): Promise<string[]> {
  const { rows } = await database.execute(
    statement<{ id: string }>(sql`select v.current_generation_id as id from vector_store_files v
      join files f on f.id = v.file_id
      where ${isVisible(scope)} and v.current_generation_id is not null limit ${limit}::int`),
  );
  return rows.map((row) => row.id);
}

/**
 * Of the chunks that an index has found, those that may be seen now: of a current generation of a live file of this
 * project and store that the filter lets through. The index may lag behind; this decides.
 */
export async function findVisibleChunks(
  database: SqlExecutor,
  scope: VisibleScope,
  chunks: readonly { generationId: string; ordinal: number }[],
): Promise<VisibleChunk[]> {
  const generationIds = chunks.map((chunk) => chunk.generationId);
  const ordinals = chunks.map((chunk) => chunk.ordinal);
  const { rows } = await database.execute(
    statement<VisibleChunk>(sql`select c.generation_id as "generationId", c.ordinal, v.file_id as "fileId",
        f.filename, v.attributes, c.content, c.char_start as "charStart", c.char_end as "charEnd", c.page,
        c.heading_path as "headingPath"
      from unnest(${generationIds}::text[], ${ordinals}::int[]) as hit (generation_id, ordinal)
      join chunks c on c.generation_id = hit.generation_id and c.ordinal = hit.ordinal
      join generations g on g.id = c.generation_id
      join vector_store_files v on v.vector_store_id = g.vector_store_id and v.file_id = g.file_id
        and v.current_generation_id = g.id
      join files f on f.id = v.file_id
      where ${isVisible(scope)}`),
  );
  return rows;
}

function isVisible(scope: VisibleScope): RawBuilder<SqlBool> {
  const passes =
    scope.filter === undefined ? sql`true` : filterCondition(scope.filter, sql`v.attributes`);
  return sql<SqlBool>`v.vector_store_id = ${scope.storeId} and v.project_id = ${scope.projectId}
    and v.deleted_at is null and f.deleted_at is null and (f.expires_at is null or f.expires_at > ${scope.now})
    and ${passes}`;
}
