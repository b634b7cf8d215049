import { sql } from 'kysely';
import type { Database, SqlExecutor } from '../../../ports/database.ts';
import { statement } from '../repository.ts';
import { heldGeneration, type IngestKey, type Ingestion, isBuilding } from './repository.ts';

export interface ClaimRequest extends IngestKey {
  readonly jobId: string;
  /** Begins with the job's id and a slash: see `claimIngestion`. */
  readonly claimedBy: string;
  readonly now: Date;
  readonly until: Date;
}

/**
 * Takes the generation to be built for the file, so that no two runs make it at once; undefined when there is
 * nothing to do, or when a run of another job holds it. A later run of the same job takes the claim over: the queue
 * gives a job to one worker at a time, so the run before it is dead or about to be stopped, and what it may still
 * write to SQL is refused.
 */
export async function claimIngestion(
  database: SqlExecutor,
  claim: ClaimRequest,
): Promise<Ingestion | undefined> {
  const { rows } = await database.execute(
    statement<Ingestion>(sql`with file as materialized (select v.* from vector_store_files v
        where ${isWaiting(claim)} for update),
      claimed as (update generations g set claimed_by = ${claim.claimedBy}, claimed_until = ${claim.until}
        from file where g.id = file.building_generation_id and g.state = 'building'
          and (g.claimed_by is null or g.claimed_until <= ${claim.now}
            or starts_with(g.claimed_by, ${`${claim.jobId}/`}))
        returning g.id, g.collection, g.chunk_count, g.created_at),
      alive as (update vector_store_files v set progressed_at = ${claim.now} from claimed
        where v.vector_store_id = ${claim.storeId} and v.file_id = ${claim.fileId})
      select v.vector_store_id as "storeId", v.file_id as "fileId", g.id as "generationId",
        ${claim.claimedBy}::text as "claimedBy", g.created_at as "attachedAt", v.project_id as "projectId",
        s.organization_id as "organizationId", g.collection, s.embedding_model as model,
        s.embedding_dimensions as dimensions, v.chunking_strategy as chunking, f.filename, f.blob_key as "blobKey",
        f.size_bytes as "fileSizeBytes", case when g.chunk_count = (select count(*) from chunks c
          where c.generation_id = g.id) then g.chunk_count end as "chunkCount"
      from claimed g cross join file v join vector_stores s on s.id = v.vector_store_id
        join files f on f.id = v.file_id`),
  );
  return rows[0];
}

/** Until when a run holds the generation that the file waits for; undefined when none does. */
export async function findClaimEnd(
  database: SqlExecutor,
  key: IngestKey,
): Promise<Date | undefined> {
  const { rows } = await database.execute(
    statement<{ until: Date }>(sql`select g.claimed_until as until from vector_store_files v
      join generations g on g.id = v.building_generation_id
      where ${isWaiting(key)} and g.state = 'building' and g.claimed_until is not null`),
  );
  return rows[0]?.until;
}

/** Keeps the claim and notes progress; answers false when the generation is no longer wanted or held. */
export async function renewClaim(
  database: SqlExecutor,
  ingestion: Ingestion,
  progress: { chunksDone: number | undefined; now: Date; until: Date },
): Promise<boolean> {
  const { chunksDone, now, until } = progress;
  const done = chunksDone === undefined ? sql`chunks_done` : sql`${chunksDone}::int`;
  const { affectedRows } = await database.execute(
    statement(sql`with file as materialized (select file_id from vector_store_files
        where ${isBuilding(ingestion)} for update),
      held as (update generations set claimed_until = ${until}
        where id in (${heldGeneration(ingestion)}) and exists (select from file) returning id)
      update vector_store_files set chunks_done = ${done}, progressed_at = ${now}
        where ${isBuilding(ingestion)} and exists (select from held)`),
  );
  return affectedRows > 0;
}

/** Ends the claim of a run that stops. `progressedAt` may lie ahead: the file is not stalled until its job returns. */
export async function releaseClaim(
  database: Database,
  ingestion: Ingestion,
  progressedAt: Date,
): Promise<void> {
  await database.batch([
    statement(sql`update vector_store_files set progressed_at = ${progressedAt}
      where ${isBuilding(ingestion)} and exists (${heldGeneration(ingestion)})`),
    statement(sql`update generations set claimed_by = null, claimed_until = null
      where id = ${ingestion.generationId} and claimed_by = ${ingestion.claimedBy}`),
  ]);
}

export interface SettledGeneration {
  readonly state: 'building' | 'current' | 'superseded';
  readonly claimedBy: string | null;
}

/** Supersedes the generation if no file waits for it, and answers what it is then; undefined once it is collected. */
export async function settleGeneration(
  database: SqlExecutor,
  { generationId }: Ingestion,
  now: Date,
): Promise<SettledGeneration | undefined> {
  await database.execute(
    statement(sql`update generations g set state = 'superseded', superseded_at = ${now}
      where id = ${generationId} and state = 'building' and not exists (select from vector_store_files v
        where v.vector_store_id = g.vector_store_id and v.file_id = g.file_id and v.building_generation_id = g.id
          and v.status = 'in_progress' and v.deleted_at is null)`),
  );
  const { rows } = await database.execute(
    statement<SettledGeneration>(
      sql`select state, claimed_by as "claimedBy" from generations where id = ${generationId}`,
    ),
  );
  return rows[0];
}

function isWaiting(key: IngestKey) {
  return sql`v.vector_store_id = ${key.storeId} and v.file_id = ${key.fileId} and v.status = 'in_progress'
    and v.deleted_at is null and exists (select from vector_stores s where s.id = v.vector_store_id
      and s.deleted_at is null)
    and exists (select from files f where f.id = v.file_id and f.deleted_at is null)`;
}
