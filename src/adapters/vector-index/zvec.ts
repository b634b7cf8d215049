import { Worker } from 'node:worker_threads';
import type { Log } from '../../lib/log.ts';
import type {
  CollectionDefinition,
  IndexFilter,
  IndexHit,
  IndexRow,
  SearchOptions,
  TokenField,
  VectorIndex,
  VectorIndexCapabilities,
  VectorIndexOptions,
} from '../../ports/vector-index.ts';
import { chunksOf } from './chunks.ts';
import { filterExpression, generationExpression, ZVEC_FILTERS } from './filter-expression.ts';
import {
  checkCollectionName,
  checkDefinition,
  checkLimit,
  checkRows,
  checkVector,
  isScopeValue,
  matchableFilter,
} from './row-rules.ts';
import { MAINTENANCE_POLICY, type MaintenancePolicy } from './zvec-maintenance.ts';
import type { PackedRows, ZvecQuery } from './zvec-protocol.ts';
import { ZvecWorkerClient } from './zvec-worker-client.ts';

const CLOSE_TIMEOUT_MS = 60_000;
const QUERY_TOKENS_MAX = 512;
const FILTER_VALUES_MAX = 1000;

/**
 * Opens the embedded index: one folder per collection under `directory`, which one process at a time may use. Each
 * collection is opened at its first use, in a worker thread.
 */
export async function openZvecVectorIndex(options: {
  directory: string;
  log: Log;
  maintenance?: MaintenancePolicy;
}): Promise<ZvecVectorIndex> {
  const worker = new Worker(new URL('./zvec-worker.ts', import.meta.url), {
    workerData: { directory: options.directory, policy: options.maintenance ?? MAINTENANCE_POLICY },
  });
  const client = new ZvecWorkerClient(worker, options.log);
  await client.call({ method: 'check' }, { timeoutMs: 30_000 });
  return new ZvecVectorIndex(client);
}

export class ZvecVectorIndex implements VectorIndex {
  readonly capabilities: VectorIndexCapabilities = {
    fullText: true,
    insertRowsMax: 500,
    searchLimitMax: 1000,
    description: 'zvec 0.7.0',
  };
  readonly #client: ZvecWorkerClient;

  constructor(client: ZvecWorkerClient) {
    this.#client = client;
  }

  async ensureCollection(
    definition: CollectionDefinition,
    options: VectorIndexOptions,
  ): Promise<void> {
    checkDefinition(definition);
    const { name, dimensions } = definition;
    await this.#client.call({ method: 'ensure', definition: { name, dimensions } }, options);
  }

  async dropCollection(name: string, options: VectorIndexOptions): Promise<void> {
    checkCollectionName(name);
    await this.#client.call({ method: 'drop', collection: name }, options);
  }

  async insert(
    collection: string,
    rows: readonly IndexRow[],
    options: VectorIndexOptions,
  ): Promise<void> {
    checkCollectionName(collection);
    checkRows(collection, rows, this.capabilities.insertRowsMax);
    const packed = pack(rows);
    if (packed === undefined) return;
    await this.#client.call({ method: 'insert', collection, packed }, options, [
      packed.vectors.buffer,
    ]);
  }

  async deleteGenerations(
    collection: string,
    generationIds: readonly string[],
    options: VectorIndexOptions,
  ): Promise<void> {
    checkCollectionName(collection);
    const filters = chunksOf(generationIds.filter(isScopeValue), FILTER_VALUES_MAX).map((ids) =>
      generationExpression(ids, ZVEC_FILTERS),
    );
    await this.#client.call({ method: 'delete', collection, filters }, options);
  }

  async searchVector(
    collection: string,
    query: { vector: Float32Array; filter: IndexFilter; limit: number },
    options: SearchOptions,
  ): Promise<IndexHit[]> {
    checkVector(collection, query.vector);
    // A view into a large buffer would be sent with all of it.
    const vector = query.vector.slice();
    return this.#search(collection, query, (filter, limit) => ({ vector, filter, limit }), options);
  }

  async searchText(
    collection: string,
    query: { field: TokenField; tokens: readonly string[]; filter: IndexFilter; limit: number },
    options: SearchOptions,
  ): Promise<IndexHit[]> {
    const { field } = query;
    const tokens = query.tokens.slice(0, QUERY_TOKENS_MAX).join(' ');
    if (tokens.trim() === '') return [];
    return this.#search(
      collection,
      query,
      (filter, limit) => ({ field, tokens, filter, limit }),
      options,
    );
  }

  async listIds(
    collection: string,
    generationId: string,
    options: VectorIndexOptions,
  ): Promise<string[]> {
    checkCollectionName(collection);
    if (!isScopeValue(generationId)) return [];
    const filter = generationExpression([generationId], ZVEC_FILTERS);
    return (await this.#client.call({ method: 'list', collection, filter }, options)) as string[];
  }

  async check(options: VectorIndexOptions): Promise<void> {
    await this.#client.call({ method: 'check' }, options);
  }

  /** Lets running work end, a graph being built too (it would be lost, no row would). */
  async close(): Promise<void> {
    await this.#client.close(CLOSE_TIMEOUT_MS);
  }

  async #search(
    collection: string,
    query: { filter: IndexFilter; limit: number },
    toQuery: (filter: string, limit: number) => ZvecQuery,
    options: SearchOptions,
  ): Promise<IndexHit[]> {
    checkCollectionName(collection);
    checkLimit(collection, query.limit, this.capabilities.searchLimitMax);
    const filter = matchableFilter(query.filter);
    if (filter === undefined) return [];
    const zvecQuery = toQuery(filterExpression(filter, ZVEC_FILTERS), query.limit);
    const call = { method: 'search', collection, query: zvecQuery } as const;
    return (await this.#client.call(call, options)) as IndexHit[];
  }
}

/** Copies the vectors: the caller's may be views into a buffer that it goes on using. */
function pack(rows: readonly IndexRow[]): PackedRows | undefined {
  const dimensions = rows[0]?.vector.length;
  if (dimensions === undefined) return undefined;
  const vectors = new Float32Array(dimensions * rows.length);
  rows.forEach((row, index) => {
    vectors.set(row.vector, index * dimensions);
  });
  return {
    vectors,
    dimensions,
    rows: rows.map((row) => ({
      id: row.id,
      projectId: row.projectId,
      vectorStoreId: row.vectorStoreId,
      generationId: row.generationId,
      words: row.words.join(' '),
      characters: row.characters.join(' '),
    })),
  };
}
