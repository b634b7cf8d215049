import { changedFields, recordChange } from '../../audit/index.ts';
import type { Principal } from '../../identity/index.ts';
import { requireAllowedModel } from '../../models/index.ts';
import { checkPairs } from '../attributes.ts';
import { invalidCursor, knowledgeError, vectorStoreNotFound } from '../errors.ts';
import { COLLECT_JOB, COLLECT_QUEUE } from '../ingestion/queues.ts';
import type { KnowledgeDependencies } from '../options.ts';
import { type ListObject, listObject, type PageRequest, type Position } from '../page.ts';
import { attachToStore, requireStore } from '../store-files/access.ts';
import { type ChunkingRequest, resolveChunking } from '../store-files/chunking-strategy.ts';
import { resolveProfile } from './embedding-profile.ts';
import {
  countStoreFiles,
  deleteStore,
  findStore,
  findStorePosition,
  insertStore,
  listStores,
  updateStore,
} from './repository.ts';
import { type Metadata, type StoreObject, storeObject, type StoreRecord } from './store-record.ts';

export interface CreateStoreRequest {
  readonly name?: string | null;
  readonly description?: string | null;
  readonly metadata?: Metadata | null;
  readonly expires_after?: { readonly days: number } | null;
  readonly file_ids?: readonly string[];
  readonly chunking_strategy?: ChunkingRequest;
  /** Not in OpenAI's API: which model embeds the store. */
  readonly embedding_model?: string;
}

export interface UpdateStoreRequest {
  readonly name?: string | null;
  readonly metadata?: Metadata | null;
  readonly expires_after?: { readonly days: number } | null;
}

export interface CallContext {
  readonly principal: Principal;
  readonly requestId: string;
  readonly signal: AbortSignal;
}

/** Vector stores. Every method is bound to the project of its caller. */
export class StoreService {
  readonly #deps: KnowledgeDependencies;

  constructor(deps: KnowledgeDependencies) {
    this.#deps = deps;
  }

  async create(context: CallContext, request: CreateStoreRequest): Promise<StoreObject> {
    checkPairs(request.metadata ?? {}, 'metadata');
    const fileIds = initialFiles(request);
    const store = await this.#newStore(context, request);
    const { principal } = context;
    const { clock, database } = this.#deps;
    const { name, embedding_model } = store;
    await database.transaction(async (transaction) => {
      await insertStore(transaction, store);
      await recordChange(transaction, clock, principal, {
        action: 'vector_stores.create',
        resource: { kind: 'vector_store', id: store.id },
        changes: changedFields(null, { name, embedding_model }),
      });
    });
    if (fileIds.length > 0)
      await this.#attachInitial(principal, { store, fileIds, chunking: request.chunking_strategy });
    return await this.get(principal, store.id);
  }

  async get(principal: Principal, storeId: string): Promise<StoreObject> {
    const store = await requireStore(this.#deps, principal, storeId);
    return await this.#toObject(store);
  }

  async list(principal: Principal, page: PageRequest): Promise<ListObject<StoreObject>> {
    const { clock } = this.#deps;
    const { projectId } = principal;
    const database = this.#deps.database.forProject(projectId);
    const { limit, order } = page;
    const after = await this.#position(projectId, 'after', page.after);
    const before = await this.#position(projectId, 'before', page.before);
    const keyset = { limit, order, after, before };
    const { rows, hasMore } = await listStores(database, { projectId }, keyset);
    const ids = rows.map((row) => row.id);
    const counts = await countStoreFiles(database, ids);
    const now = clock.now();
    return listObject(
      rows.map((row) => storeObject(row, counts.get(row.id), now)),
      hasMore,
    );
  }

  async update(
    principal: Principal,
    storeId: string,
    request: UpdateStoreRequest,
  ): Promise<StoreObject> {
    const { clock, database } = this.#deps;
    const { name, metadata, expires_after: expiry } = request;
    checkPairs(metadata ?? {}, 'metadata');
    const key = { projectId: principal.projectId, storeId };
    const change = {
      name,
      metadata: metadata === null ? {} : metadata,
      expiresAfterDays: expiry === null ? null : expiry?.days,
      lastActiveAt: clock.now(),
    };
    const store = await database.transaction(async (transaction) => {
      const before = await findStore(transaction, key);
      const after = await updateStore(transaction, key, change);
      if (before === undefined || after === undefined) throw vectorStoreNotFound(storeId);
      await recordChange(transaction, clock, principal, {
        action: 'vector_stores.update',
        resource: { kind: 'vector_store', id: storeId },
        changes: changedFields(settingsOf(before), settingsOf(after)),
      });
      return after;
    });
    return await this.#toObject(store);
  }

  async remove(principal: Principal, storeId: string) {
    const { clock, database, jobs } = this.#deps;
    const key = { projectId: principal.projectId, storeId, now: clock.now() };
    await database.transaction(async (transaction) => {
      if (!(await deleteStore(transaction, key))) throw vectorStoreNotFound(storeId);
      const resource = { kind: 'vector_store', id: storeId };
      const change = { action: 'vector_stores.delete' as const, resource };
      await recordChange(transaction, clock, principal, change);
    });
    await jobs.enqueue(COLLECT_QUEUE, {}, COLLECT_JOB);
    return { id: storeId, object: 'vector_store.deleted' as const, deleted: true };
  }

  async #newStore(context: CallContext, request: CreateStoreRequest): Promise<StoreRecord> {
    const { clock, options } = this.#deps;
    const { embedding_model: asked } = request;
    if (asked !== undefined) requireAllowedModel(context.principal, asked);
    const model = asked ?? options.defaultEmbeddingModel;
    const profile = await resolveProfile(this.#deps, { ...context, model });
    const now = clock.now();
    return {
      id: clock.newId('vs_'),
      project_id: context.principal.projectId,
      organization_id: context.principal.organizationId,
      name: request.name ?? null,
      description: request.description ?? null,
      metadata: request.metadata ?? {},
      expires_after_days: request.expires_after?.days ?? null,
      embedding_model: profile.model,
      embedding_dimensions: profile.dimensions,
      collection: profile.collection,
      created_at: now,
      last_active_at: now,
      changed_at: now,
    };
  }

  /** A store whose files cannot be attached is taken back: the client has no id to delete it by. */
  async #attachInitial(
    principal: Principal,
    initial: {
      store: StoreRecord;
      fileIds: readonly string[];
      chunking: ChunkingRequest | undefined;
    },
  ): Promise<void> {
    const { store, fileIds, chunking } = initial;
    const requests = fileIds.map((file_id) => ({ file_id, chunking_strategy: chunking }));
    const paramOf = (index: number) => `file_ids[${index}]`;
    try {
      const where = { batchId: null, paramOf, principal };
      await attachToStore(this.#deps, store, requests, where);
    } catch (error) {
      await this.#takeBack(principal, store);
      throw error;
    }
  }

  async #takeBack(principal: Principal, store: StoreRecord): Promise<void> {
    const { clock, database } = this.#deps;
    await database.transaction(async (transaction) => {
      const key = { projectId: store.project_id, storeId: store.id, now: clock.now() };
      if (!(await deleteStore(transaction, key))) return;
      await recordChange(transaction, clock, principal, {
        action: 'vector_stores.delete',
        resource: { kind: 'vector_store', id: store.id },
        reason: 'its first files could not be attached',
      });
    });
  }

  async #toObject(store: StoreRecord): Promise<StoreObject> {
    const database = this.#deps.database.forProject(store.project_id);
    const counts = await countStoreFiles(database, [store.id]);
    return storeObject(store, counts.get(store.id), this.#deps.clock.now());
  }

  async #position(
    projectId: string,
    param: 'after' | 'before',
    storeId: string | undefined,
  ): Promise<Position | undefined> {
    if (storeId === undefined) return undefined;
    const database = this.#deps.database.forProject(projectId);
    const position = await findStorePosition(database, { projectId, storeId });
    if (position === undefined) throw invalidCursor(param, storeId);
    return position;
  }
}

function initialFiles(request: CreateStoreRequest): string[] {
  const fileIds = [...new Set(request.file_ids ?? [])];
  if (request.chunking_strategy !== undefined && fileIds.length === 0)
    throw knowledgeError(
      'invalid_chunking_strategy',
      "'chunking_strategy' is only used together with 'file_ids'.",
      { param: 'chunking_strategy' },
    );
  resolveChunking(request.chunking_strategy);
  return fileIds;
}

function settingsOf({ name, metadata, expires_after_days }: StoreRecord) {
  return { name, metadata, expires_after_days };
}
