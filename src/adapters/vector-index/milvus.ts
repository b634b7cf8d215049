import type { MilvusClient } from '@zilliz/milvus2-sdk-node';
import type { Log } from '../../lib/log.ts';
import {
  type CollectionDefinition,
  type IndexFilter,
  type IndexHit,
  type IndexRow,
  type SearchOptions,
  type TokenField,
  type VectorIndex,
  type VectorIndexCapabilities,
  VectorIndexError,
  type VectorIndexOptions,
} from '../../ports/vector-index.ts';
import { chunksOf } from './chunks.ts';
import {
  filterExpression,
  generationExpression,
  idExpression,
  MILVUS_FILTERS,
} from './filter-expression.ts';
import { type CallScope, MilvusCalls, unlessMissing } from './milvus-calls.ts';
import { ensureMilvusCollection } from './milvus-collections.ts';
import { MilvusDimensions } from './milvus-dimensions.ts';
import { type MilvusFeatures, milvusFeatures } from './milvus-features.ts';
import { listGenerationIds } from './milvus-generation-listing.ts';
import { joinTokens, milvusRequests } from './milvus-rows.ts';
import {
  checkCollectionName,
  checkDefinition,
  checkLimit,
  checkRows,
  checkVector,
  isScopeValue,
  matchableFilter,
} from './row-rules.ts';

// gRPC servers allow one ping in five minutes unless they are told otherwise.
const KEEPALIVE_MS = 330_000;
const OPEN_TIMEOUT_MS = 10_000;
const QUERY_TOKENS_MAX = 512;
const DELETE_GENERATIONS_MAX = 500;
/** `ConsistencyLevelEnum.Bounded` of the SDK. */
const BOUNDED = 2;

/**
 * Connects to Milvus 2.3 or newer, or to milvus-lite, and asks for its version, which decides the capabilities.
 * Rejects with code `unavailable` or `timeout` when nothing answers.
 */
export async function openMilvusVectorIndex(options: {
  host: string;
  port: number;
  log: Log;
  timeoutMs?: number;
}): Promise<MilvusVectorIndex> {
  // 65 MB of modules: only who uses Milvus loads them.
  const sdk = await import('@zilliz/milvus2-sdk-node');
  // In tests and debugging the SDK would print every request.
  sdk.logger.level = 'error';
  const client = new sdk.MilvusClient({
    address: `${options.host}:${options.port}`,
    timeout: OPEN_TIMEOUT_MS,
    // Retrying is decided above the port, within the time of the caller.
    maxRetries: 0,
    // The SDK pings every 10 s, which servers answer by closing the connection.
    channelOptions: { 'grpc.keepalive_time_ms': KEEPALIVE_MS },
  });
  const calls = new MilvusCalls(client);
  try {
    const timeoutMs = options.timeoutMs ?? OPEN_TIMEOUT_MS;
    const version = await calls.operation('connect', undefined, { timeoutMs }, (_, scope) =>
      calls.request(scope, () => client.getVersion()),
    );
    const features = milvusFeatures(version.version);
    if (!features.fullText)
      options.log.warn(
        { server: features.description },
        'this Milvus has no full text search; words are searched in SQL',
      );
    return new MilvusVectorIndex(calls, features, options.log);
  } catch (error) {
    await calls.close();
    throw error;
  }
}

export class MilvusVectorIndex implements VectorIndex {
  readonly capabilities: VectorIndexCapabilities;
  readonly #calls: MilvusCalls;
  readonly #features: MilvusFeatures;
  readonly #log: Log;
  readonly #dimensions = new MilvusDimensions();

  constructor(calls: MilvusCalls, features: MilvusFeatures, log: Log) {
    this.#calls = calls;
    this.#features = features;
    this.#log = log;
    this.capabilities = {
      fullText: features.fullText,
      insertRowsMax: 500,
      searchLimitMax: 1000,
      description: features.description,
    };
  }

  async ensureCollection(
    definition: CollectionDefinition,
    options: VectorIndexOptions,
  ): Promise<void> {
    checkDefinition(definition);
    await this.#calls.operation('create', definition.name, options, (client, scope) =>
      ensureMilvusCollection(client, this.#calls, scope, definition, this.#features, this.#log),
    );
  }

  async dropCollection(name: string, options: VectorIndexOptions): Promise<void> {
    checkCollectionName(name);
    this.#dimensions.forget(name);
    await this.#calls.operation('drop', name, options, (client, scope) =>
      unlessMissing(
        this.#calls.request(scope, (timeout) =>
          client.dropCollection({ collection_name: name, timeout }),
        ),
      ),
    );
  }

  // Replaced by delete and insert: upsert of Milvus 2.3 puts rows into partitions where a filter by the partition key
  // does not look, and later versions have had duplicates after it.
  async insert(
    collection: string,
    rows: readonly IndexRow[],
    options: VectorIndexOptions,
  ): Promise<void> {
    checkCollectionName(collection);
    checkRows(collection, rows, this.capabilities.insertRowsMax);
    const [first] = rows;
    if (first === undefined) return;
    await this.#calls.operation('insert', collection, options, async (client, scope) => {
      await this.#dimensions.check(client, this.#calls, scope, first.vector.length);
      await this.#delete(client, scope, collection, idExpression(rows.map((row) => row.id)));
      for (const data of milvusRequests(rows, this.#features.fullText))
        await this.#calls.request(scope, (timeout) =>
          client.insert({ collection_name: collection, data, timeout }),
        );
    });
  }

  async deleteGenerations(
    collection: string,
    generationIds: readonly string[],
    options: VectorIndexOptions,
  ): Promise<void> {
    checkCollectionName(collection);
    const groups = chunksOf(generationIds.filter(isScopeValue), DELETE_GENERATIONS_MAX);
    await this.#calls.operation('delete', collection, options, async (client, scope) => {
      for (const ids of groups) {
        const filter = generationExpression(ids, MILVUS_FILTERS);
        await this.#delete(client, scope, collection, filter);
      }
    });
  }

  async searchVector(
    collection: string,
    query: { vector: Float32Array; filter: IndexFilter; limit: number },
    options: SearchOptions,
  ): Promise<IndexHit[]> {
    checkVector(collection, query.vector);
    const hits = await this.#search(collection, query, options, {
      anns_field: 'embedding',
      data: [...query.vector],
      metric_type: 'COSINE',
      params: { ef: Math.max(128, 2 * query.limit) },
    });
    // Rounding takes a cosine a little beyond its bounds.
    return ranked(hits.map((hit) => ({ ...hit, score: Math.min(1, Math.max(-1, hit.score)) })));
  }

  async searchText(
    collection: string,
    query: { field: TokenField; tokens: readonly string[]; filter: IndexFilter; limit: number },
    options: SearchOptions,
  ): Promise<IndexHit[]> {
    if (!this.capabilities.fullText)
      throw new VectorIndexError('invalid_request', 'this Milvus has no full text search');
    const text = joinTokens(query.tokens.slice(0, QUERY_TOKENS_MAX));
    if (text.trim() === '') return [];
    const hits = await this.#search(collection, query, options, {
      anns_field: `${query.field}_sparse`,
      data: text,
      metric_type: 'BM25',
      params: {},
    });
    // milvus-lite answers with negative scores of the same size.
    return ranked(hits.map((hit) => ({ ...hit, score: Math.abs(hit.score) })));
  }

  async listIds(
    collection: string,
    generationId: string,
    options: VectorIndexOptions,
  ): Promise<string[]> {
    checkCollectionName(collection);
    if (!isScopeValue(generationId)) return [];
    return this.#calls.operation('list', collection, options, (client, scope) =>
      listGenerationIds(client, this.#calls, scope, generationId),
    );
  }

  async check(options: VectorIndexOptions): Promise<void> {
    await this.#calls.operation('check', undefined, options, async (client, scope) => {
      const health = await this.#calls.request(scope, () => client.checkHealth());
      if (health.isHealthy) return;
      throw new VectorIndexError(
        'unavailable',
        `Milvus is not healthy: ${health.reasons.join('; ')}`,
      );
    });
  }

  async close(): Promise<void> {
    await this.#calls.close();
  }

  async #search(
    collection: string,
    query: { filter: IndexFilter; limit: number },
    options: SearchOptions,
    question: {
      anns_field: string;
      data: number[] | string;
      metric_type: string;
      params: Record<string, number>;
    },
  ): Promise<IndexHit[]> {
    checkCollectionName(collection);
    checkLimit(collection, query.limit, this.capabilities.searchLimitMax);
    const filter = matchableFilter(query.filter);
    if (filter === undefined) return [];
    return this.#calls.operation('search', collection, options, async (client, scope) => {
      if (typeof question.data !== 'string')
        await this.#dimensions.check(client, this.#calls, scope, question.data.length);
      const answer = await this.#calls.requestLoaded(scope, (timeout) =>
        client.search({
          collection_name: collection,
          ...question,
          filter: filterExpression(filter, MILVUS_FILTERS),
          limit: query.limit,
          output_fields: ['id', 'generation_id'],
          // Strong is the collection's own level (milvus-schema.ts).
          ...(options.consistency === 'bounded' ? { consistency_level: BOUNDED } : {}),
          timeout,
        }),
      );
      return answer.results.map((result) => ({
        id: String(result['id']),
        generationId: String(result['generation_id']),
        score: Number(result.score),
      }));
    });
  }

  async #delete(
    client: MilvusClient,
    scope: CallScope,
    collection: string,
    filter: string,
  ): Promise<void> {
    await unlessMissing(
      this.#calls.requestLoaded(scope, (timeout) =>
        client.deleteEntities({
          collection_name: collection,
          filter,
          consistency_level: 'Strong',
          timeout,
        }),
      ),
    );
  }
}

function ranked(hits: IndexHit[]): IndexHit[] {
  return hits.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
}
