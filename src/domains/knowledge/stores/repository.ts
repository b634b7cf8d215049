import { type RawBuilder, sql } from 'kysely';
import type { Database, SqlExecutor } from '../../../ports/database.ts';
import type { Position } from '../page.ts';
import {
  inOrder,
  jsonValue,
  type KeysetPage,
  pageOrder,
  statement,
  withinPage,
} from '../repository.ts';
import type { FileCounts, StoreChange, StoreRecord } from './store-record.ts';

const columns = { createdAt: sql`created_at`, id: sql`id` };
const fields = sql`id, project_id, organization_id, name, description, metadata, expires_after_days, embedding_model,
  embedding_dimensions, collection, created_at, last_active_at, changed_at`;

export async function insertStore(database: SqlExecutor, store: StoreRecord): Promise<void> {
  await database.execute(
    statement(sql`insert into vector_stores (${fields}) values (${store.id}, ${store.project_id},
      ${store.organization_id}, ${store.name}, ${store.description}, ${jsonValue(store.metadata)},
      ${store.expires_after_days}, ${store.embedding_model}, ${store.embedding_dimensions}, ${store.collection},
      ${store.created_at}, ${store.last_active_at}, ${store.changed_at})`),
  );
}

export async function findStore(
  database: SqlExecutor,
  key: { projectId: string; storeId: string },
): Promise<StoreRecord | undefined> {
  const { rows } = await database.execute(
    statement<StoreRecord>(sql`select ${fields} from vector_stores
      where id = ${key.storeId} and project_id = ${key.projectId} and deleted_at is null`),
  );
  return rows[0];
}

export async function findStorePosition(
  database: SqlExecutor,
  key: { projectId: string; storeId: string },
): Promise<Position | undefined> {
  const { rows } = await database.execute(
    statement<{ created_at: Date }>(
      sql`select created_at from vector_stores where id = ${key.storeId} and project_id = ${key.projectId}`,
    ),
  );
  return rows[0] && { id: key.storeId, createdAt: rows[0].created_at };
}

export async function listStores(
  database: SqlExecutor,
  filter: { projectId: string },
  page: KeysetPage,
): Promise<{ rows: StoreRecord[]; hasMore: boolean }> {
  const { rows } = await database.execute(
    statement<StoreRecord>(sql`select ${fields} from vector_stores
      where project_id = ${filter.projectId} and deleted_at is null and ${withinPage(page, columns)}
      order by ${pageOrder(page, columns)}`),
  );
  return inOrder(page, rows);
}

export async function updateStore(
  database: SqlExecutor,
  key: { projectId: string; storeId: string },
  change: StoreChange,
): Promise<StoreRecord | undefined> {
  const set = assignments(change);
  const { rows } = await database.execute(
    statement<StoreRecord>(sql`update vector_stores set ${sql.join(set)}
      where id = ${key.storeId} and project_id = ${key.projectId} and deleted_at is null returning ${fields}`),
  );
  return rows[0];
}

function assignments(change: StoreChange): RawBuilder<unknown>[] {
  const set = [sql`last_active_at = ${change.lastActiveAt}`];
  if (change.name !== undefined) set.push(sql`name = ${change.name}`);
  if (change.metadata !== undefined) set.push(sql`metadata = ${jsonValue(change.metadata)}`);
  if (change.expiresAfterDays !== undefined)
    set.push(sql`expires_after_days = ${change.expiresAfterDays}`);
  return set;
}

/** Deletes the store, everything in it, and hands its generations to the collector; in one transaction. */
export async function deleteStore(
  transaction: SqlExecutor,
  key: { projectId: string; storeId: string; now: Date },
): Promise<boolean> {
  const ofStore = sql`vector_store_id = ${key.storeId} and project_id = ${key.projectId}`;
  const deleted = await transaction.execute(
    statement(sql`update vector_stores set deleted_at = ${key.now}
      where id = ${key.storeId} and project_id = ${key.projectId} and deleted_at is null`),
  );
  if (deleted.affectedRows === 0) return false;
  await transaction.execute(
    statement(sql`update vector_store_files set deleted_at = ${key.now}, current_generation_id = null,
      building_generation_id = null, batch_id = null where ${ofStore} and deleted_at is null`),
  );
  await transaction.execute(
    statement(sql`update generations set state = 'superseded', superseded_at = ${key.now}
      where ${ofStore} and state <> 'superseded'`),
  );
  return true;
}

/** Files by status and stored bytes of each store; a store without files is missing. */
export async function countStoreFiles(
  database: SqlExecutor,
  storeIds: readonly string[],
): Promise<Map<string, FileCounts & { usageBytes: number }>> {
  const { rows } = await database.execute(
    statement<FileCounts & { id: string; usageBytes: number }>(sql`select vector_store_id as id,
      count(*) filter (where status = 'in_progress') as in_progress,
      count(*) filter (where status = 'completed') as completed,
      count(*) filter (where status = 'failed') as failed,
      count(*) filter (where status = 'cancelled') as cancelled,
      count(*) as total, sum(usage_bytes)::bigint as "usageBytes"
      from vector_store_files where vector_store_id = any(${storeIds}::text[]) and deleted_at is null
      group by vector_store_id`),
  );
  return new Map(rows.map(({ id, ...counts }) => [id, counts]));
}

/** Dimensions that the model had when a store last used it. */
export async function findModelDimensions(
  database: SqlExecutor,
  model: string,
): Promise<number | undefined> {
  const { rows } = await database.execute(
    statement<{ embedding_dimensions: number }>(sql`select embedding_dimensions from vector_stores
      where embedding_model = ${model} order by created_at desc limit 1`),
  );
  return rows[0]?.embedding_dimensions;
}

export async function touchStore(database: SqlExecutor, storeId: string, now: Date): Promise<void> {
  await database.execute(
    statement(
      sql`update vector_stores set last_active_at = greatest(last_active_at, ${now}) where id = ${storeId}`,
    ),
  );
}

/** Stores deleted before a time go once none of their generations is left. */
export async function removeDeletedStores(
  database: Database,
  filter: { before: Date; limit: number },
): Promise<void> {
  const { rows } = await database.execute(
    statement<{ id: string }>(sql`select id from vector_stores s where deleted_at < ${filter.before}
      and not exists (select from generations g where g.vector_store_id = s.id)
      order by deleted_at limit ${filter.limit}`),
  );
  if (rows.length === 0) return;
  const ids = rows.map((row) => row.id);
  await database.batch([
    statement(sql`delete from vector_store_files where vector_store_id = any(${ids}::text[])`),
    statement(sql`delete from file_batches where vector_store_id = any(${ids}::text[])`),
    statement(sql`delete from vector_stores where id = any(${ids}::text[])`),
  ]);
}
