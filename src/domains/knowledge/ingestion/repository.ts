import { sql } from 'kysely';
import type { Database, SqlExecutor, Statement } from '../../../ports/database.ts';
import { jsonValue, statement } from '../repository.ts';
import type { StaticChunking } from '../store-files/chunking-strategy.ts';
import type { PreparedChunk } from '../text/prepare.ts';

export interface IngestKey {
  readonly storeId: string;
  readonly fileId: string;
}

/** What an ingestion works on: the generation being built, its file and its store. */
export interface Ingestion extends IngestKey {
  readonly generationId: string;
  readonly projectId: string;
  readonly organizationId: string;
  readonly collection: string;
  readonly model: string;
  readonly dimensions: number;
  readonly chunking: StaticChunking;
  readonly filename: string;
  readonly blobKey: string;
  readonly fileSizeBytes: number;
  /** Null until an earlier run has stored all chunks. */
  readonly chunkCount: number | null;
}

/** The generation to be built for the file, or undefined when there is nothing to do any more. */
export async function findIngestion(
  database: SqlExecutor,
  key: IngestKey,
): Promise<Ingestion | undefined> {
  const { rows } = await database.execute(
    statement<Ingestion>(sql`select v.vector_store_id as "storeId", v.file_id as "fileId", g.id as "generationId",
      v.project_id as "projectId", s.organization_id as "organizationId", g.collection, s.embedding_model as model,
      s.embedding_dimensions as dimensions, v.chunking_strategy as chunking, f.filename, f.blob_key as "blobKey",
      f.size_bytes as "fileSizeBytes", g.chunk_count as "chunkCount"
      from vector_store_files v join generations g on g.id = v.building_generation_id
      join vector_stores s on s.id = v.vector_store_id join files f on f.id = v.file_id
      where v.vector_store_id = ${key.storeId} and v.file_id = ${key.fileId} and v.status = 'in_progress'
        and v.deleted_at is null and s.deleted_at is null and f.deleted_at is null and g.state = 'building'`),
  );
  return rows[0];
}

export interface ChunkTotals {
  readonly chunkCount: number;
  readonly wordsLength: number;
  readonly charactersLength: number;
}

export interface UnstoredChunks {
  readonly chunks: readonly PreparedChunk[];
  readonly totals: ChunkTotals;
}

/** Stores some chunks of a generation; `isFirst` removes what a run that died had stored, `totals` come with the last. */
export async function insertChunks(
  database: Database,
  ingestion: Ingestion,
  chunks: readonly PreparedChunk[],
  step: { isFirst: boolean; totals: ChunkTotals | undefined; now: Date },
): Promise<void> {
  const clear = statement(sql`delete from chunks where generation_id = ${ingestion.generationId}`);
  await database.batch([
    ...(step.isFirst ? [clear] : []),
    chunkInsert(ingestion, chunks),
    ...(step.totals === undefined ? [] : [totalsUpdate(ingestion, step.totals)]),
    ...(step.totals === undefined ? [] : [expectedProgress(ingestion, step.totals, step.now)]),
  ]);
}

// For a generation that has been collected meanwhile nothing is inserted.
function chunkInsert(
  { generationId, projectId }: Ingestion,
  chunks: readonly PreparedChunk[],
): Statement {
  return statement(sql`insert into chunks (generation_id, ordinal, project_id, content, char_start, char_end,
      page, heading_path, token_count, words, characters)
    select ${generationId}::text, c.ordinal, ${projectId}::text, c.content, c."charStart", c."charEnd", c.page,
      c."headingPath", c."tokenCount", c.words, c.characters
    from jsonb_to_recordset(${jsonValue(chunks)}) as c (ordinal int, content text, "charStart" int, "charEnd" int,
      page int, "headingPath" text, "tokenCount" int, words text, characters text)
    where exists (select from generations g where g.id = ${generationId} and g.state = 'building')
    on conflict do nothing`);
}

function totalsUpdate({ generationId }: Ingestion, totals: ChunkTotals): Statement {
  return statement(sql`update generations set chunk_count = ${totals.chunkCount},
    words_length = ${totals.wordsLength}, characters_length = ${totals.charactersLength}
    where id = ${generationId}`);
}

function expectedProgress(ingestion: Ingestion, totals: ChunkTotals, now: Date): Statement {
  return statement(sql`update vector_store_files set chunks_total = ${totals.chunkCount}, chunks_done = 0,
    progressed_at = ${now} where ${isBuilding(ingestion)}`);
}

/** Chunks `[from, to)` in order. */
export async function listChunks(
  database: SqlExecutor,
  generationId: string,
  range: { from: number; to: number },
): Promise<PreparedChunk[]> {
  const { rows } = await database.execute(
    statement<PreparedChunk>(sql`select ordinal, content, char_start as "charStart", char_end as "charEnd", page,
      heading_path as "headingPath", token_count as "tokenCount", words, characters from chunks
      where generation_id = ${generationId} and ordinal >= ${range.from} and ordinal < ${range.to} order by ordinal`),
  );
  return rows;
}

/** Notes progress, and answers whether the generation is still wanted. */
export async function reportProgress(
  database: SqlExecutor,
  ingestion: Ingestion,
  progress: { chunksDone: number; now: Date },
): Promise<boolean> {
  const { affectedRows } = await database.execute(
    statement(sql`update vector_store_files set chunks_done = ${progress.chunksDone}, progressed_at = ${progress.now}
      where ${isBuilding(ingestion)}`),
  );
  return affectedRows > 0;
}

export interface CompletedGeneration {
  readonly packKey: string;
  readonly chunkCount: number;
  readonly usageBytes: number;
  readonly unstored: UnstoredChunks | undefined;
  readonly now: Date;
}

/**
 * Makes the generation the current one, all at once: from here on searches see it and not the one before. Answers
 * false, and changes nothing that can be seen, when it is no longer wanted. The store is locked first, as everywhere.
 */
export async function completeGeneration(
  database: Database,
  ingestion: Ingestion,
  result: CompletedGeneration,
): Promise<boolean> {
  const { unstored } = result;
  const results = await database.batch([
    statement(sql`select id from vector_stores where id = ${ingestion.storeId} for no key update`),
    ...(unstored === undefined
      ? []
      : [chunkInsert(ingestion, unstored.chunks), totalsUpdate(ingestion, unstored.totals)]),
    generationFlip(ingestion, result),
  ]);
  return (results.at(-1)?.affectedRows ?? 0) > 0;
}

function generationFlip(ingestion: Ingestion, result: CompletedGeneration): Statement {
  const { generationId, storeId } = ingestion;
  const { packKey, chunkCount, usageBytes, now } = result;
  return statement(sql`with target as (select current_generation_id as before from vector_store_files
      where ${isBuilding(ingestion)} for update),
    replaced as (update generations set state = 'superseded', superseded_at = ${now}
      where id = (select before from target)),
    made as (update generations set state = 'current', pack_blob_key = ${packKey}
      where id = ${generationId} and exists (select from target)),
    changed as (update vector_stores set changed_at = ${now}, last_active_at = greatest(last_active_at, ${now})
      where id = ${storeId} and exists (select from target))
    update vector_store_files set status = 'completed', error_code = null, error_message = null,
      current_generation_id = ${generationId}, building_generation_id = null, usage_bytes = ${usageBytes},
      chunks_done = ${chunkCount}, chunks_total = ${chunkCount}, progressed_at = ${now}
    where ${isBuilding(ingestion)} and exists (select from target)`);
}

/** Ends the ingestion as failed. A generation that was current before stays so. */
export async function failGeneration(
  database: Database,
  ingestion: Ingestion,
  failure: { code: string; message: string; now: Date },
): Promise<void> {
  await database.batch([
    statement(sql`update vector_store_files set status = 'failed', error_code = ${failure.code},
      error_message = ${failure.message}, building_generation_id = null, progressed_at = ${failure.now}
      where ${isBuilding(ingestion)}`),
    supersede(ingestion.generationId, failure.now),
  ]);
}

/** Hands what a generation that nobody wants has left behind to the collector. */
export async function abandonGeneration(
  database: SqlExecutor,
  generationId: string,
  now: Date,
): Promise<void> {
  await database.execute(supersede(generationId, now));
}

/** Files under way that have shown no sign of life since a time. */
export async function listStalledIngestions(
  database: SqlExecutor,
  filter: { before: Date; limit: number },
): Promise<IngestKey[]> {
  const { rows } = await database.execute(
    statement<IngestKey>(sql`select vector_store_id as "storeId", file_id as "fileId" from vector_store_files
      where status = 'in_progress' and deleted_at is null and progressed_at < ${filter.before}
      order by progressed_at limit ${filter.limit}`),
  );
  return rows;
}

function supersede(generationId: string, now: Date) {
  return statement(sql`update generations set state = 'superseded', superseded_at = ${now}
    where id = ${generationId} and state = 'building'`);
}

function isBuilding({ storeId, fileId, generationId }: Ingestion) {
  return sql`vector_store_id = ${storeId} and file_id = ${fileId} and building_generation_id = ${generationId}
    and status = 'in_progress' and deleted_at is null`;
}
