import type { SqlExecutor } from '../../../ports/database.ts';
import { changedFields, recordChange } from '../../audit/index.ts';
import type { Principal } from '../../identity/index.ts';
import { type Attributes, checkPairs } from '../attributes.ts';
import { storeFileNotFound } from '../errors.ts';
import { COLLECT_JOB, COLLECT_QUEUE } from '../ingestion/queues.ts';
import type { KnowledgeDependencies } from '../options.ts';
import type { ListObject, PageRequest } from '../page.ts';
import { type AttachRequest, attachToStore, listStoreFilesBy, requireStore } from './access.ts';
import {
  deleteStoreFile,
  findCurrentGeneration,
  findStoreFile,
  listContent,
  type StoreFileKey,
  updateStoreFileAttributes,
} from './repository.ts';
import { type FileStatus, type StoreFileObject, storeFileObject } from './store-file-record.ts';

const CHUNKS_PER_READ = 1_000;

/** Files in vector stores. Every method is bound to the project of its caller. */
export class StoreFileService {
  readonly #deps: KnowledgeDependencies;

  constructor(deps: KnowledgeDependencies) {
    this.#deps = deps;
  }

  /** Attaches one file and begins its ingestion. */
  async attach(
    principal: Principal,
    storeId: string,
    request: AttachRequest,
  ): Promise<StoreFileObject> {
    const store = await requireStore(this.#deps, principal, storeId);
    checkPairs(request.attributes ?? {}, 'attributes');
    const where = { batchId: null, paramOf: () => 'file_id', principal };
    await attachToStore(this.#deps, store, [request], where);
    const { projectId } = principal;
    return await this.#find({ projectId, storeId, fileId: request.file_id });
  }

  async get(principal: Principal, storeId: string, fileId: string): Promise<StoreFileObject> {
    return await this.#find(await this.#keyOf(principal, storeId, fileId));
  }

  async list(
    principal: Principal,
    storeId: string,
    page: PageRequest & { filter?: FileStatus },
  ): Promise<ListObject<StoreFileObject>> {
    await requireStore(this.#deps, principal, storeId);
    const filter = { projectId: principal.projectId, storeId, status: page.filter };
    return await listStoreFilesBy(this.#deps, filter, page);
  }

  /** Replaces the attributes; searches see the new ones at once. */
  async updateAttributes(
    principal: Principal,
    storeId: string,
    change: { fileId: string; attributes: Attributes | null },
  ): Promise<StoreFileObject> {
    const key = await this.#keyOf(principal, storeId, change.fileId);
    const attributes = change.attributes ?? {};
    checkPairs(attributes, 'attributes');
    const { clock, database } = this.#deps;
    const file = await database.transaction(async (transaction) => {
      const before = await findStoreFile(transaction, key);
      const after = await updateStoreFileAttributes(transaction, key, attributes);
      if (before === undefined || after === undefined)
        throw storeFileNotFound(change.fileId, storeId);
      await recordChange(transaction, clock, principal, {
        action: 'vector_store_files.update',
        resource: { kind: 'file', id: change.fileId },
        changes: {
          vector_store_id: { after: storeId },
          ...changedFields({ attributes: before.attributes }, { attributes }),
        },
      });
      return after;
    });
    return storeFileObject(file);
  }

  /** Takes the file out of the store and leaves the file itself. */
  async remove(principal: Principal, storeId: string, fileId: string) {
    const { clock, database, jobs } = this.#deps;
    const key = await this.#keyOf(principal, storeId, fileId);
    await database.transaction(async (transaction) => {
      if (!(await deleteStoreFile(transaction, { ...key, now: clock.now() })))
        throw storeFileNotFound(fileId, storeId);
      await recordChange(transaction, clock, principal, {
        action: 'vector_store_files.remove',
        resource: { kind: 'file', id: fileId },
        changes: { vector_store_id: { before: storeId } },
      });
    });
    await jobs.enqueue(COLLECT_QUEUE, {}, COLLECT_JOB);
    return { id: fileId, object: 'vector_store.file.deleted' as const, deleted: true };
  }

  /** The parsed text in order, without what neighbouring chunks share. */
  async content(principal: Principal, storeId: string, fileId: string) {
    const key = await this.#keyOf(principal, storeId, fileId);
    await this.#find(key);
    const database = this.#deps.database.forProject(principal.projectId);
    const generationId = await findCurrentGeneration(database, key);
    const data = generationId === undefined ? [] : await textOf(database, generationId);
    return {
      object: 'vector_store.file_content.page' as const,
      data,
      has_more: false,
      next_page: null,
    };
  }

  async #find(key: StoreFileKey): Promise<StoreFileObject> {
    const database = this.#deps.database.forProject(key.projectId);
    const file = await findStoreFile(database, key);
    if (file === undefined) throw storeFileNotFound(key.fileId, key.storeId);
    return storeFileObject(file);
  }

  async #keyOf(principal: Principal, storeId: string, fileId: string): Promise<StoreFileKey> {
    await requireStore(this.#deps, principal, storeId);
    return { projectId: principal.projectId, storeId, fileId };
  }
}

// OpenAI's client asks for no second page, so the one page holds all: as much text as a file may have.
async function textOf(
  database: SqlExecutor,
  generationId: string,
): Promise<{ type: 'text'; text: string }[]> {
  const data: { type: 'text'; text: string }[] = [];
  let position = 0;
  let last: number | undefined = -1;
  while (last !== undefined) {
    const page = { generationId, afterOrdinal: last, limit: CHUNKS_PER_READ };
    const chunks = await listContent(database, page);
    for (const { content, char_start: start, char_end: end } of chunks) {
      const text = content.slice(Math.max(0, position - start));
      position = Math.max(position, end);
      if (text !== '') data.push({ type: 'text', text });
    }
    last = chunks.at(-1)?.ordinal;
  }
  return data;
}
