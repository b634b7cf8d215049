import { sql } from 'kysely';
import type { SqlExecutor } from '../../../ports/database.ts';
import { statement } from '../repository.ts';
import { NOTHING_HOLDS_BLOBS } from './hold-repository.ts';

const CHUNKS_PER_DELETE = 5_000;

export interface SupersededGeneration {
  readonly id: string;
  readonly collection: string;
}

/** A place in the list of superseded generations. */
export interface SupersededPosition {
  readonly id: string;
  readonly supersededAt: Date;
}

/** Building generations that no file waits for belong to runs that died between two steps. */
export async function supersedeOrphans(
  database: SqlExecutor,
  filter: { before: Date; now: Date; limit: number },
): Promise<void> {
  await database.execute(
    statement(sql`update generations set state = 'superseded', superseded_at = ${filter.now} where id in (
      select g.id from generations g where g.state = 'building' and g.created_at < ${filter.before}
        and not exists (select from vector_store_files v where v.building_generation_id = g.id
          and v.vector_store_id = g.vector_store_id and v.file_id = g.file_id)
      order by g.created_at limit ${filter.limit})`),
  );
}

/**
 * Superseded generations after a place. One that a run may still write to is left out while its claim lasts, all of them
 * while a backup may still read what they were.
 */
export async function listSuperseded(
  database: SqlExecutor,
  filter: { after: SupersededPosition | undefined; now: Date; limit: number },
): Promise<(SupersededGeneration & SupersededPosition)[]> {
  const { after, now, limit } = filter;
  const isAfter =
    after === undefined
      ? sql`true`
      : sql`(superseded_at, id) > (${after.supersededAt}::timestamptz, ${after.id}::text)`;
  const { rows } = await database.execute(
    statement<SupersededGeneration & SupersededPosition>(sql`select id, collection,
      superseded_at as "supersededAt" from generations
      where state = 'superseded' and (claimed_until is null or claimed_until <= ${now}) and ${isAfter}
        and ${NOTHING_HOLDS_BLOBS}
      order by superseded_at, id limit ${limit}`),
  );
  return rows;
}

/** Removes superseded generations; first their chunks, some thousand a statement, so that none takes long. */
export async function removeGenerations(
  database: SqlExecutor,
  generationIds: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const { affectedRows } = await database.execute(
      statement(sql`delete from chunks where ctid = any(array(select c.ctid from chunks c
        join generations g on g.id = c.generation_id
        where c.generation_id = any(${generationIds}::text[]) and g.state = 'superseded'
        limit ${CHUNKS_PER_DELETE}))`),
    );
    if (affectedRows < CHUNKS_PER_DELETE) break;
  }
  await database.execute(
    statement(
      sql`delete from generations where id = any(${generationIds}::text[]) and state = 'superseded'`,
    ),
  );
}
