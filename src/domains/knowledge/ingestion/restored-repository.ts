import { sql } from 'kysely';
import type { SqlExecutor } from '../../../ports/database.ts';
import { statement } from '../repository.ts';

/**
 * In rows that come from a backup: ingestions that ran then run nowhere now. Without a claim and without a sign of life
 * they are put into the queue by the next look for stalled ones, and not a quarter of an hour later.
 */
export async function forgetRunningIngestions(transaction: SqlExecutor): Promise<void> {
  await transaction.execute(
    statement(
      sql`update generations set claimed_by = null, claimed_until = null where claimed_by is not null`,
    ),
  );
  await transaction.execute(
    statement(
      sql`update vector_store_files set progressed_at = created_at - interval '1 day' where status = 'in_progress'`,
    ),
  );
}
