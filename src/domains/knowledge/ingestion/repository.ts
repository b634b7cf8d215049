import { sql } from 'kysely';
import type { Database, SqlExecutor, Statement } from '../../../ports/database.ts';
import { jsonValue, statement } from '../repository.ts';
import type { StaticChunking } from '../store-files/chunking-strategy.ts';
import type { PreparedChunk, PreparedFile } from '../text/prepare.ts';

export interface IngestKey {
  readonly storeId: string;
  readonly fileId: string;
}

/** What an ingestion works on: the generation being built, its file and its store. */
export interface Ingestion extends IngestKey {
  readonly generationId: string;
  /** Of the run that works on it. Whatever it writes to SQL is written only while it holds the claim. */
  readonly claimedBy: string;
  readonly attachedAt: Date;
  readonly projectId: string;
  readonly organizationId: string;
  readonly collection: string;
  readonly model: string;
  readonly dimensions: number;
  readonly chunking: StaticChunking;
  readonly filename: string;
  readonly blobKey: string;
  readonly fileSizeBytes: number;
  /** Null unless an earlier run has stored all chunks. */
  readonly chunkCount: number | null;
}

/**
 * Stores some chunks of a generation; `isFirst` removes what a run that died had stored, `totals` come with the last.
 * Answers false, and changes nothing, when this run does not hold the generation any more.
 */
export async function insertChunks(
  database: Database,
  ingestion: Ingestion,
  chunks: readonly PreparedChunk[],
  step: { isFirst: boolean; totals: PreparedFile | undefined; now: Date },
): Promise<boolean> {
  const { totals } = step;
  const [locked] = await database.batch([
    lockHeld(ingestion),
    ...(step.isFirst ? [chunkClear(ingestion)] : []),
    chunkInsert(ingestion, chunks),
    ...(totals === undefined
      ? []
      : [totalsUpdate(ingestion, totals), expectedProgress(ingestion, totals, step.now)]),
  ]);
  return (locked?.rows.length ?? 0) > 0;
}

function chunkClear(ingestion: Ingestion): Statement {
  return statement(sql`delete from chunks where generation_id = ${ingestion.generationId}
    and exists (${heldGeneration(ingestion)})`);
}

function chunkInsert(ingestion: Ingestion, chunks: readonly PreparedChunk[]): Statement {
  const { generationId, projectId } = ingestion;
  return statement(sql`insert into chunks (generation_id, ordinal, project_id, content, char_start, char_end,
      page, heading_path, token_count, words, characters)
    select ${generationId}::text, c.ordinal, ${projectId}::text, c.content, c."charStart", c."charEnd", c.page,
      c."headingPath", c."tokenCount", c.words, c.characters
    from jsonb_to_recordset(${jsonValue(chunks)}) as c (ordinal int, content text, "charStart" int, "charEnd" int,
      page int, "headingPath" text, "tokenCount" int, words text, characters text)
    where exists (${heldGeneration(ingestion)})
    on conflict do nothing`);
}

function totalsUpdate(ingestion: Ingestion, totals: PreparedFile): Statement {
  return statement(sql`update generations set chunk_count = ${totals.chunks.length},
    words_length = ${totals.wordsLength}, characters_length = ${totals.charactersLength}
    where id in (${heldGeneration(ingestion)})`);
}

function expectedProgress(ingestion: Ingestion, totals: PreparedFile, now: Date): Statement {
  return statement(sql`update vector_store_files set chunks_total = ${totals.chunks.length}, chunks_done = 0,
    progressed_at = ${now} where ${isBuilding(ingestion)} and exists (${heldGeneration(ingestion)})`);
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

export interface CompletedGeneration {
  readonly packKey: string;
  readonly chunkCount: number;
  readonly usageBytes: number;
  readonly unstored: PreparedFile | undefined;
  readonly now: Date;
}

/**
 * Makes the generation the current one, all at once: from here on searches see it and not the one before. Answers
 * false, and changes nothing that can be seen, when it is no longer wanted or held, or when not all of its chunks are
 * there. The store is locked first, as everywhere.
 */
export async function completeGeneration(
  database: Database,
  ingestion: Ingestion,
  result: CompletedGeneration,
): Promise<boolean> {
  const { unstored } = result;
  const results = await database.batch([
    statement(sql`select id from vector_stores where id = ${ingestion.storeId} for no key update`),
    lockHeld(ingestion),
    ...(unstored === undefined
      ? []
      : [
          chunkClear(ingestion),
          chunkInsert(ingestion, unstored.chunks),
          totalsUpdate(ingestion, unstored),
        ]),
    generationFlip(ingestion, result),
  ]);
  return (results.at(-1)?.affectedRows ?? 0) > 0;
}

function generationFlip(ingestion: Ingestion, result: CompletedGeneration): Statement {
  const { generationId, storeId } = ingestion;
  const { packKey, chunkCount, usageBytes, now } = result;
  return statement(sql`with target as (select current_generation_id as before from vector_store_files
      where ${isBuilding(ingestion)} and exists (${heldGeneration(ingestion)} and chunk_count = ${chunkCount})
        and (select count(*) from chunks where generation_id = ${generationId}) = ${chunkCount} for update),
    replaced as (update generations set state = 'superseded', superseded_at = ${now}
      where id = (select before from target)),
    made as (update generations set state = 'current', pack_blob_key = ${packKey}, claimed_by = null,
      claimed_until = null where id = ${generationId} and exists (select from target)),
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
    lockHeld(ingestion),
    statement(sql`update vector_store_files set status = 'failed', error_code = ${failure.code},
      error_message = ${failure.message}, building_generation_id = null, progressed_at = ${failure.now}
      where ${isBuilding(ingestion)} and exists (${heldGeneration(ingestion)})`),
    statement(sql`update generations set state = 'superseded', superseded_at = ${failure.now}, claimed_by = null,
      claimed_until = null where id in (${heldGeneration(ingestion)})`),
  ]);
}

/** Files under way that have shown no sign of life since a time and that no run works on. */
export async function listStalledIngestions(
  database: SqlExecutor,
  filter: { before: Date; now: Date; limit: number },
): Promise<IngestKey[]> {
  const { rows } = await database.execute(
    statement<IngestKey>(sql`select vector_store_id as "storeId", file_id as "fileId" from vector_store_files v
      where status = 'in_progress' and deleted_at is null and progressed_at < ${filter.before}
        and not exists (select from generations g where g.id = v.building_generation_id
          and g.claimed_until > ${filter.now})
      order by progressed_at limit ${filter.limit}`),
  );
  return rows;
}

/**
 * Locks the row of the file and then its generation, in the order of everything that attaches or deletes. What
 * follows in the transaction sees whether the generation is held, and nobody can take it meanwhile.
 */
function lockHeld(ingestion: Ingestion): Statement {
  const { storeId, fileId } = ingestion;
  return statement(sql`with file as materialized (select file_id from vector_store_files
      where vector_store_id = ${storeId} and file_id = ${fileId} for update)
    ${heldGeneration(ingestion)} and exists (select from file) for update`);
}

/** The row of the generation while it is being built and this run holds it, else none. */
export function heldGeneration({ generationId, claimedBy }: Ingestion) {
  return sql`select g.id from generations g
    where g.id = ${generationId} and g.state = 'building' and g.claimed_by = ${claimedBy}`;
}

/** The row of the file while it waits for this generation. */
export function isBuilding({ storeId, fileId, generationId }: Ingestion) {
  return sql`vector_store_id = ${storeId} and file_id = ${fileId} and building_generation_id = ${generationId}
    and status = 'in_progress' and deleted_at is null`;
}
