import { sql } from 'kysely';
import type { Database, SqlExecutor } from '../../../ports/database.ts';
import { statement } from '../repository.ts';

export interface SupersededGeneration {
  readonly id: string;
  readonly collection: string;
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

export async function listSuperseded(
  database: SqlExecutor,
  limit: number,
): Promise<SupersededGeneration[]> {
  const { rows } = await database.execute(
    statement<SupersededGeneration>(sql`select id, collection from generations where state = 'superseded'
      order by superseded_at, id limit ${limit}`),
  );
  return rows;
}

/** Chunks go with their generation. */
export async function removeGenerations(
  database: Database,
  generationIds: readonly string[],
): Promise<void> {
  await database.execute(
    statement(
      sql`delete from generations where id = any(${generationIds}::text[]) and state = 'superseded'`,
    ),
  );
}
