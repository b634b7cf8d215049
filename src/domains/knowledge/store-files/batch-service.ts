import { recordChange } from '../../audit/index.ts';
import type { Principal } from '../../identity/index.ts';
import { type Attributes, checkPairs } from '../attributes.ts';
import { fileBatchNotFound, knowledgeError } from '../errors.ts';
import { COLLECT_JOB, COLLECT_QUEUE } from '../ingestion/queues.ts';
import type { KnowledgeDependencies } from '../options.ts';
import type { ListObject, PageRequest } from '../page.ts';
import { type AttachRequest, attachToStore, listStoreFilesBy, requireStore } from './access.ts';
import { type ChunkingRequest, resolveChunking } from './chunking-strategy.ts';
import { cancelBatch, countBatchFiles, findBatch } from './repository.ts';
import {
  type BatchObject,
  batchObject,
  type BatchRecord,
  type FileStatus,
  type StoreFileObject,
} from './store-file-record.ts';

export interface BatchRequest {
  readonly file_ids?: readonly string[];
  readonly files?: readonly AttachRequest[];
  readonly attributes?: Attributes | null;
  readonly chunking_strategy?: ChunkingRequest;
}

/** File batches. Every method is bound to the project of its caller. */
export class BatchService {
  readonly #deps: KnowledgeDependencies;

  constructor(deps: KnowledgeDependencies) {
    this.#deps = deps;
  }

  async create(principal: Principal, storeId: string, request: BatchRequest): Promise<BatchObject> {
    const store = await requireStore(this.#deps, principal, storeId);
    const { requests, list } = batchRequests(request);
    const batchId = this.#deps.clock.newId('vsfb_');
    const paramOf = (index: number) =>
      list === 'files' ? `files[${index}].file_id` : `file_ids[${index}]`;
    await attachToStore(this.#deps, store, requests, { batchId, paramOf, principal });
    return await this.get(principal, storeId, batchId);
  }

  async get(principal: Principal, storeId: string, batchId: string): Promise<BatchObject> {
    const batch = await this.#require(principal, storeId, batchId);
    const database = this.#deps.database.forProject(principal.projectId);
    return batchObject(batch, await countBatchFiles(database, batchId));
  }

  /** Stops the files under way. Repeating it is no error: that is what a client's retry does. */
  async cancel(principal: Principal, storeId: string, batchId: string): Promise<BatchObject> {
    const { clock, database, jobs } = this.#deps;
    const batch = await this.#require(principal, storeId, batchId);
    const isCancelled = await database.transaction(async (transaction) => {
      if (!(await cancelBatch(transaction, { batchId, now: clock.now() }))) return false;
      await recordChange(transaction, clock, principal, {
        action: 'file_batches.cancel',
        resource: { kind: 'file_batch', id: batchId },
      });
      return true;
    });
    if (!isCancelled && batch.cancelled_at === null)
      throw knowledgeError('batch_not_cancellable', 'The file batch has already ended.', {
        param: 'batch_id',
      });
    await jobs.enqueue(COLLECT_QUEUE, {}, COLLECT_JOB);
    return await this.get(principal, storeId, batchId);
  }

  async listFiles(
    principal: Principal,
    place: { storeId: string; batchId: string },
    page: PageRequest & { filter?: FileStatus },
  ): Promise<ListObject<StoreFileObject>> {
    const { storeId, batchId } = place;
    await this.#require(principal, storeId, batchId);
    const filter = { projectId: principal.projectId, storeId, batchId, status: page.filter };
    return await listStoreFilesBy(this.#deps, filter, page);
  }

  async #require(principal: Principal, storeId: string, batchId: string): Promise<BatchRecord> {
    await requireStore(this.#deps, principal, storeId);
    const { projectId } = principal;
    const database = this.#deps.database.forProject(projectId);
    const batch = await findBatch(database, { projectId, storeId, batchId });
    if (batch === undefined) throw fileBatchNotFound(batchId);
    return batch;
  }
}

/** With `files`, each names its own attributes and strategy, and those of the whole batch are not used. */
function batchRequests(request: BatchRequest): {
  requests: readonly AttachRequest[];
  list: 'files' | 'file_ids';
} {
  const { file_ids: fileIds, files, attributes, chunking_strategy } = request;
  const list = files === undefined ? 'file_ids' : 'files';
  if ((fileIds === undefined) === (files === undefined))
    throw invalidBatch("Give either 'file_ids' or 'files', and not both.", list);
  const requests =
    files ?? (fileIds ?? []).map((file_id) => ({ file_id, attributes, chunking_strategy }));
  const seen = new Set<string>();
  for (const [index, each] of requests.entries()) {
    if (seen.has(each.file_id))
      throw invalidBatch(`The file '${each.file_id}' is in the batch twice.`, `${list}[${index}]`);
    seen.add(each.file_id);
    const prefix = files === undefined ? '' : `files[${index}].`;
    checkPairs(each.attributes ?? {}, `${prefix}attributes`);
    resolveChunking(each.chunking_strategy, `${prefix}chunking_strategy`);
  }
  return { requests, list };
}

function invalidBatch(message: string, param: string) {
  return knowledgeError('invalid_file_batch', message, { param });
}
