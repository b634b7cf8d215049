import { changedFields, changeStatement } from '../../audit/index.ts';
import type { Principal } from '../../identity/index.ts';
import { invalidCursor, vectorStoreNotFound } from '../errors.ts';
import type { KnowledgeDependencies } from '../options.ts';
import { type ListObject, listObject, type PageRequest, type Position } from '../page.ts';
import { findStore } from '../stores/repository.ts';
import type { StoreRecord } from '../stores/store-record.ts';
import { attachFiles } from './attach.ts';
import { type ChunkingRequest, resolveChunking } from './chunking-strategy.ts';
import type { Attributes } from '../attributes.ts';
import { findStoreFilePosition, listStoreFiles } from './repository.ts';
import { type FileStatus, type StoreFileObject, storeFileObject } from './store-file-record.ts';

export interface AttachRequest {
  readonly file_id: string;
  readonly attributes?: Attributes | null;
  readonly chunking_strategy?: ChunkingRequest;
}

export interface StoreFileFilter {
  readonly projectId: string;
  readonly storeId: string;
  readonly batchId?: string;
  readonly status?: FileStatus;
}

/** The caller's store; one of another project is missing like one that never was. */
export async function requireStore(
  { database }: KnowledgeDependencies,
  principal: Principal,
  storeId: string,
): Promise<StoreRecord> {
  const { projectId } = principal;
  const store = await findStore(database.forProject(projectId), { projectId, storeId });
  if (store === undefined) throw vectorStoreNotFound(storeId);
  return store;
}

/** Attaches files of the store's project; `paramOf` names the field that named a missing one. */
export async function attachToStore(
  deps: KnowledgeDependencies,
  store: StoreRecord,
  requests: readonly AttachRequest[],
  where: {
    batchId: string | null;
    paramOf: (index: number) => string;
    principal: Principal;
  },
): Promise<void> {
  const { clock } = deps;
  const { project_id: projectId, id: storeId, collection } = store;
  const attachments = requests.map((request) => ({
    fileId: request.file_id,
    generationId: clock.newId('gen_'),
    attributes: request.attributes ?? {},
    chunking: resolveChunking(request.chunking_strategy),
  }));
  const { batchId, paramOf, principal } = where;
  const recorded = changeStatement(clock, principal, {
    action: batchId === null ? 'vector_store_files.attach' : 'file_batches.create',
    resource: { kind: 'vector_store', id: storeId },
    changes: changedFields(null, {
      batch_id: batchId,
      file_ids: requests.map((each) => each.file_id),
    }),
  });
  const target = { projectId, storeId, collection, now: clock.now(), batchId, paramOf, recorded };
  await attachFiles(deps, target, attachments);
}

export async function listStoreFilesBy(
  deps: KnowledgeDependencies,
  filter: StoreFileFilter,
  page: PageRequest,
): Promise<ListObject<StoreFileObject>> {
  const { limit, order } = page;
  const after = await positionOf(deps, filter, 'after', page.after);
  const before = await positionOf(deps, filter, 'before', page.before);
  const keyset = { limit, order, after, before };
  const database = deps.database.forProject(filter.projectId);
  const { rows, hasMore } = await listStoreFiles(database, filter, keyset);
  return listObject(rows.map(storeFileObject), hasMore);
}

async function positionOf(
  { database }: KnowledgeDependencies,
  { projectId, storeId }: StoreFileFilter,
  param: 'after' | 'before',
  fileId: string | undefined,
): Promise<Position | undefined> {
  if (fileId === undefined) return undefined;
  const key = { projectId, storeId, fileId };
  const position = await findStoreFilePosition(database.forProject(projectId), key);
  if (position === undefined) throw invalidCursor(param, fileId);
  return position;
}
