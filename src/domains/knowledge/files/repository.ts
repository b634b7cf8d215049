import { sql } from 'kysely';
import type { Database, SqlExecutor, Statement } from '../../../ports/database.ts';
import type { Position } from '../page.ts';
import { NOTHING_HOLDS_BLOBS } from '../ingestion/hold-repository.ts';
import { inOrder, type KeysetPage, pageOrder, statement, withinPage } from '../repository.ts';
import type { FileRecord } from './file-record.ts';

const columns = { createdAt: sql`created_at`, id: sql`id` };
const fields = sql`id, project_id, filename, purpose, size_bytes, sha256, blob_key, created_at, expires_at`;

/** Remembers that bytes are on their way under a key, so that a dead upload leaves nothing behind. */
export async function insertPendingBlob(
  database: SqlExecutor,
  blob: { key: string; now: Date },
): Promise<void> {
  await database.execute(
    statement(
      sql`insert into pending_blobs (blob_key, created_at) values (${blob.key}, ${blob.now})`,
    ),
  );
}

export async function deletePendingBlobs(
  database: SqlExecutor,
  keys: readonly string[],
): Promise<void> {
  await database.execute(
    statement(sql`delete from pending_blobs where blob_key = any(${keys}::text[])`),
  );
}

export async function listPendingBlobs(
  database: SqlExecutor,
  filter: { before: Date; limit: number },
): Promise<string[]> {
  const { rows } = await database.execute(
    statement<{ blob_key: string }>(
      sql`select blob_key from pending_blobs where created_at < ${filter.before} order by created_at limit ${filter.limit}`,
    ),
  );
  return rows.map((row) => row.blob_key);
}

/** Create the file whose bytes are stored, and take its blob off the pending ones; for one transaction. */
export function insertFile(file: FileRecord): Statement[] {
  return [
    statement(sql`insert into files (${fields}) values (${file.id}, ${file.project_id}, ${file.filename},
      ${file.purpose}, ${file.size_bytes}, ${file.sha256}, ${file.blob_key}, ${file.created_at}, ${file.expires_at})`),
    statement(sql`delete from pending_blobs where blob_key = ${file.blob_key}`),
  ];
}

export async function findFile(
  database: SqlExecutor,
  key: { projectId: string; fileId: string; now: Date },
): Promise<FileRecord | undefined> {
  const { rows } = await database.execute(
    statement<FileRecord>(sql`select ${fields} from files
      where id = ${key.fileId} and project_id = ${key.projectId} and ${isLive(key.now)}`),
  );
  return rows[0];
}

export async function findFilePosition(
  database: SqlExecutor,
  key: { projectId: string; fileId: string },
): Promise<Position | undefined> {
  const { rows } = await database.execute(
    statement<{ created_at: Date }>(
      sql`select created_at from files where id = ${key.fileId} and project_id = ${key.projectId}`,
    ),
  );
  return rows[0] && { id: key.fileId, createdAt: rows[0].created_at };
}

export async function listFiles(
  database: SqlExecutor,
  filter: { projectId: string; purpose?: string; now: Date },
  page: KeysetPage,
): Promise<{ rows: FileRecord[]; hasMore: boolean }> {
  const purpose = filter.purpose === undefined ? sql`true` : sql`purpose = ${filter.purpose}`;
  const { rows } = await database.execute(
    statement<FileRecord>(sql`select ${fields} from files
      where project_id = ${filter.projectId} and ${isLive(filter.now)} and ${purpose}
        and ${withinPage(page, columns)}
      order by ${pageOrder(page, columns)}`),
  );
  return inOrder(page, rows);
}

/** For the transaction that also takes the files out of the vector stores. Answers the ids that were live. */
export function markFilesDeleted(key: {
  projectId: string;
  fileIds: readonly string[];
  now: Date;
}): Statement<{ id: string }> {
  return statement(sql`update files set deleted_at = ${key.now}
    where id = any(${key.fileIds}::text[]) and project_id = ${key.projectId} and deleted_at is null returning id`);
}

export async function listExpiredFiles(
  database: SqlExecutor,
  filter: { now: Date; limit: number },
): Promise<{ id: string; project_id: string }[]> {
  const { rows } = await database.execute(
    statement<{ id: string; project_id: string }>(sql`select id, project_id from files
      where deleted_at is null and expires_at <= ${filter.now} order by expires_at limit ${filter.limit}`),
  );
  return rows;
}

export async function listDeletedFiles(
  database: SqlExecutor,
  filter: { before: Date; limit: number },
): Promise<{ id: string; blob_key: string }[]> {
  const { rows } = await database.execute(
    statement<{ id: string; blob_key: string }>(sql`select id, blob_key from files
      where deleted_at < ${filter.before} and ${NOTHING_HOLDS_BLOBS} order by deleted_at limit ${filter.limit}`),
  );
  return rows;
}

/** Their rows in vector stores, deleted long before, go with them. */
export async function removeFiles(database: Database, fileIds: readonly string[]): Promise<void> {
  await database.batch([
    statement(
      sql`delete from vector_store_files where file_id = any(${fileIds}::text[]) and deleted_at is not null`,
    ),
    statement(sql`delete from files where id = any(${fileIds}::text[]) and deleted_at is not null`),
  ]);
}

function isLive(now: Date) {
  return sql`deleted_at is null and (expires_at is null or expires_at > ${now})`;
}
