import type { SqlExecutor } from '../../../ports/database.ts';
import { VectorIndexError } from '../../../ports/vector-index.ts';
import { knowledgeError } from '../errors.ts';
import { enqueueRepair } from '../ingestion/queues.ts';
import type { KnowledgeDependencies } from '../options.ts';
import { requireStore } from '../store-files/access.ts';
import { embeddingPrincipal } from '../stores/embedding-profile.ts';
import { touchStore } from '../stores/repository.ts';
import type { CallContext } from '../stores/service.ts';
import { isExpired, type StoreRecord } from '../stores/store-record.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { type Candidates, findCandidates, type PreparedQuery, prepareQuery } from './candidates.ts';
import { bestOf, idsByScore } from './fusion.ts';
import { rank } from './ranking.ts';
import {
  findVisibleChunks,
  hasCurrentGeneration,
  listMatchingGenerations,
  type VisibleChunk,
  type VisibleScope,
} from './repository.ts';
import { parseSearch, type SearchBody, type SearchRequest } from './search-request.ts';

// As deep as the lists whose fusion was measured.
const DEPTH = 100;
const WIDENING = 4;
const GENERATIONS_IN_FILTER_MAX = 1000;
// Longer than any adapter lags behind.
const STRONG_AFTER_CHANGE_MS = 30_000;
const TOUCH_INTERVAL_MS = 60_000;

export interface FoundChunk extends VisibleChunk {
  readonly score: number;
}

/** Hybrid search over one vector store. */
export class SearchService {
  readonly #deps: KnowledgeDependencies;
  readonly #tokenizer: Tokenizer;

  constructor(deps: KnowledgeDependencies, tokenizer: Tokenizer) {
    this.#deps = deps;
    this.#tokenizer = tokenizer;
  }

  /** The page of results that the API answers. */
  async search(context: CallContext, storeId: string, body: SearchBody) {
    const request = parseSearch(body);
    const found = await this.find(context, storeId, request);
    return {
      object: 'vector_store.search_results.page' as const,
      search_query: [...request.queries],
      data: found.map(resultObject),
      has_more: false,
      next_page: null,
    };
  }

  /** The best visible chunks, best first. Nothing that is deleted, replaced or filtered out is among them. */
  async find(context: CallContext, storeId: string, request: SearchRequest): Promise<FoundChunk[]> {
    const store = await requireStore(this.#deps, context.principal, storeId);
    const now = this.#deps.clock.now();
    if (isExpired(store, now))
      throw knowledgeError('vector_store_expired', `The vector store '${storeId}' has expired.`, {
        param: 'store_id',
      });
    await this.#touch(store, now);
    const scope = { projectId: store.project_id, storeId, filter: request.filter, now };
    try {
      return await this.#findIn(store, scope, { context, request });
    } catch (error) {
      if (isMissingCollection(error) && !(await hasCurrentGeneration(this.#read(scope), scope)))
        return [];
      if (isCorruptCollection(error)) await this.#repair(store);
      throw asSearchError(error);
    }
  }

  async #findIn(
    store: StoreRecord,
    scope: VisibleScope,
    { context, request }: { context: CallContext; request: SearchRequest },
  ): Promise<FoundChunk[]> {
    const generationIds = await this.#generationsFor(scope);
    if (generationIds?.length === 0) return [];
    const queries = await this.#prepare(context, store, request.queries);
    const narrowed = { ...scope, generationIds };
    const { chunks, candidates, depth } = await this.#widen(store, narrowed, {
      queries,
      wanted: request.limit,
      signal: context.signal,
    });
    const isVisible = (id: string) => chunks.has(id);
    const options = { model: store.embedding_model, weights: request.weights, depth };
    const scores = bestOf(candidates.map((each) => rank(each, isVisible, options)));
    return idsByScore(scores)
      .flatMap((id) => {
        const chunk = chunks.get(id);
        return chunk === undefined ? [] : [{ ...chunk, score: scores.get(id) ?? 0 }];
      })
      .filter((chunk) => chunk.score >= request.scoreThreshold)
      .slice(0, request.limit);
  }

  /** Generations to look into: all (undefined), or those that the filter leaves when they are few enough to name. */
  async #generationsFor(scope: VisibleScope): Promise<string[] | undefined> {
    if (scope.filter === undefined) return undefined;
    const limit = GENERATIONS_IN_FILTER_MAX + 1;
    const ids = await listMatchingGenerations(this.#read(scope), scope, limit);
    return ids.length > GENERATIONS_IN_FILTER_MAX ? undefined : ids;
  }

  async #prepare(
    context: CallContext,
    store: StoreRecord,
    queries: readonly string[],
  ): Promise<PreparedQuery[]> {
    const { embedding, options } = this.#deps;
    const vectors = await embedding.embed({
      principal: embeddingPrincipal(context.principal),
      requestId: context.requestId,
      model: store.embedding_model,
      inputs: queries,
      signal: AbortSignal.any([context.signal, AbortSignal.timeout(options.embedTimeoutMs)]),
    });
    return queries.map((query, position) =>
      prepareQuery(query, vectors[position] ?? new Float32Array(), this.#tokenizer),
    );
  }

  /** Searches deeper until enough of what is found may be seen, or there is no more to find. */
  async #widen(
    store: StoreRecord,
    scope: VisibleScope & { generationIds: string[] | undefined },
    search: { queries: readonly PreparedQuery[]; wanted: number; signal: AbortSignal },
  ): Promise<{ chunks: Map<string, VisibleChunk>; candidates: Candidates[]; depth: number }> {
    const { index, options } = this.#deps;
    const depthMax = index.capabilities.searchLimitMax;
    const filter = {
      projectId: scope.projectId,
      vectorStoreIds: [scope.storeId],
      generationIds: scope.generationIds,
    };
    const consistency = isFresh(store, scope.now) ? ('strong' as const) : ('bounded' as const);
    const call = { timeoutMs: options.indexTimeoutMs, signal: search.signal, consistency };
    for (let depth = Math.min(DEPTH, depthMax); ; depth = Math.min(depth * WIDENING, depthMax)) {
      const where = { filter, depth, options: call };
      const candidates = await Promise.all(
        search.queries.map((query) => findCandidates(this.#deps, store, query, where)),
      );
      const chunks = await visibleAmong(this.#read(scope), scope, candidates);
      const isExhausted = candidates.every((each) => longest(each) < depth);
      if (chunks.size >= search.wanted || isExhausted || depth >= depthMax)
        return { chunks, candidates, depth };
    }
  }

  // What decides about visibility; candidates before it are ids that nobody sees.
  #read({ projectId }: VisibleScope): SqlExecutor {
    return this.#deps.database.forProject(projectId);
  }

  async #repair({ collection, embedding_dimensions: dimensions }: StoreRecord): Promise<void> {
    try {
      await enqueueRepair(this.#deps.jobs, { name: collection, dimensions });
    } catch (error) {
      this.#deps.log.warn({ err: error, collection }, 'the repair of a collection was not begun');
    }
  }

  // Its expiry counts from the last use; a write for each search would be one too many.
  async #touch(store: StoreRecord, now: Date): Promise<void> {
    if (now.getTime() - store.last_active_at.getTime() < TOUCH_INTERVAL_MS) return;
    try {
      await touchStore(this.#deps.database, store.id, now);
    } catch (error) {
      this.#deps.log.warn({ err: error, vectorStoreId: store.id }, 'last use was not noted');
    }
  }
}

async function visibleAmong(
  database: SqlExecutor,
  scope: VisibleScope,
  candidates: readonly Candidates[],
): Promise<Map<string, VisibleChunk>> {
  const ids = new Set(
    candidates
      .flatMap((each) => [...each.dense, ...each.words, ...each.characters])
      .map((h) => h.id),
  );
  const hits = [...ids].map((id) => {
    const dot = id.lastIndexOf('.');
    return { generationId: id.slice(0, dot), ordinal: Number(id.slice(dot + 1)) };
  });
  if (hits.length === 0) return new Map();
  const chunks = await findVisibleChunks(database, scope, hits);
  return new Map(chunks.map((chunk) => [`${chunk.generationId}.${chunk.ordinal}`, chunk]));
}

function longest({ dense, words, characters }: Candidates): number {
  return Math.max(dense.length, words.length, characters.length);
}

function isFresh(store: StoreRecord, now: Date): boolean {
  return now.getTime() - store.changed_at.getTime() < STRONG_AFTER_CHANGE_MS;
}

// A collection is made for the first file that needs it.
function isMissingCollection(error: unknown): boolean {
  return error instanceof VectorIndexError && error.code === 'collection_missing';
}

function isCorruptCollection(error: unknown): boolean {
  return error instanceof VectorIndexError && error.code === 'collection_corrupt';
}

function asSearchError(error: unknown): unknown {
  if (!(error instanceof VectorIndexError)) return error;
  return knowledgeError(
    'knowledge_store_unavailable',
    `The vector index cannot be searched now (${error.code}). Try again in a few seconds.`,
    { cause: error },
  );
}

/** OpenAI's result, and where in the file the text stands. */
function resultObject(chunk: FoundChunk) {
  return {
    file_id: chunk.fileId,
    filename: chunk.filename,
    score: chunk.score,
    attributes: chunk.attributes,
    content: [{ type: 'text' as const, text: chunk.content }],
    chunk: {
      id: `${chunk.generationId}.${chunk.ordinal}`,
      ordinal: chunk.ordinal,
      char_start: chunk.charStart,
      char_end: chunk.charEnd,
      page: chunk.page,
      heading_path: chunk.headingPath,
    },
  };
}
