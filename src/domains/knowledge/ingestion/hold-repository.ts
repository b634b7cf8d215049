import { sql } from 'kysely';
import type { SqlExecutor } from '../../../ports/database.ts';
import { statement } from '../repository.ts';

/**
 * From now on nothing that was deleted takes its blobs with it, until the hold is released or `holdMs` have passed.
 * Asked for again, it is prolonged. Time is the database's, so that no clock of an instance matters.
 */
export async function holdBlobs(
  database: SqlExecutor,
  { id, holdMs }: { id: string; holdMs: number },
): Promise<void> {
  await database.execute(
    statement(sql`insert into blob_holds (id, expires_at)
      values (${id}, clock_timestamp() + ${holdMs}::float8 * interval '1 millisecond')
      on conflict (id) do update set expires_at = excluded.expires_at`),
  );
}

/** Ends a hold, and removes those that ended by themselves. */
export async function releaseBlobs(database: SqlExecutor, id: string): Promise<void> {
  await database.execute(
    statement(sql`delete from blob_holds where id = ${id} or expires_at < clock_timestamp()`),
  );
}

/** For the lists of what is collected: in one statement with them, so that a new hold is seen. */
export const NOTHING_HOLDS_BLOBS = sql`not exists (select from blob_holds where expires_at > clock_timestamp())`;
