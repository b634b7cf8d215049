import { type ZVecCollection, type ZVecDoc, ZVecIndexType, type ZVecStatus } from '@zvec/zvec';
import { type IndexHit, VectorIndexError } from '../../ports/vector-index.ts';
import { type MaintenancePolicy, ZvecMaintenance } from './zvec-maintenance.ts';
import type { PackedRows, ZvecQuery } from './zvec-protocol.ts';

/** Rows written without a pause: about 10 ms, so that searches of other callers come in between. */
const BATCH_ROWS = 50;
/** zvec's own bound of one query. A generation is one file: none is nearly as large. */
const LIST_MAX = 100_000;

/** One open collection, inside the worker thread. */
export class OpenZvecCollection {
  readonly #name: string;
  readonly #collection: ZVecCollection;
  readonly #maintenance: ZvecMaintenance;
  // zvec refuses to close under a running query.
  readonly #running = new Set<Promise<unknown>>();

  constructor(
    name: string,
    collection: ZVecCollection,
    policy: MaintenancePolicy,
    onMaintenanceError: (cause: unknown) => void,
  ) {
    this.#name = name;
    this.#collection = collection;
    this.#maintenance = new ZvecMaintenance(collection, policy, onMaintenanceError);
  }

  get collection(): ZVecCollection {
    return this.#collection;
  }

  async insert(packed: PackedRows, isCancelled: () => boolean): Promise<void> {
    this.#checkDimensions(packed.dimensions);
    for (let start = 0; start < packed.rows.length; start += BATCH_ROWS) {
      if (start > 0) await new Promise((resolve) => setImmediate(resolve));
      if (isCancelled()) return;
      const documents = toDocuments(packed, start, start + BATCH_ROWS);
      this.#assertOk(this.#collection.upsertSync(documents));
      this.#maintenance.inserted(documents.length);
    }
  }

  async delete(filter: string): Promise<void> {
    const before = this.#collection.stats.docCount;
    this.#assertOk([await this.#track(this.#collection.deleteByFilter(filter))]);
    this.#maintenance.deleted(Math.max(0, before - this.#collection.stats.docCount));
  }

  async search(query: ZvecQuery): Promise<IndexHit[]> {
    const documents = await this.#track(
      'vector' in query ? this.#searchVector(query) : this.#searchText(query),
    );
    const toScore = 'vector' in query ? cosineOfDistance : (score: number) => score;
    const hits = documents.map((document) => ({
      id: document.id,
      generationId: String(document.fields['generation_id']),
      score: toScore(document.score),
    }));
    return hits.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
  }

  async list(filter: string): Promise<string[]> {
    const documents = await this.#track(
      this.#collection.query({ filter, topk: LIST_MAX, outputFields: [] }),
    );
    if (documents.length === LIST_MAX)
      throw new VectorIndexError('failed', `more than ${LIST_MAX} rows to list`, {
        collection: this.#name,
      });
    return documents.map((document) => document.id);
  }

  async close(): Promise<void> {
    await this.#settle();
    this.#collection.closeSync();
  }

  async destroy(): Promise<void> {
    await this.#settle();
    this.#collection.destroySync();
  }

  async #searchVector(query: Extract<ZvecQuery, { vector: unknown }>): Promise<ZVecDoc[]> {
    this.#checkDimensions(query.vector.length);
    const search = (params: { ef: number } | { isLinear: true }) =>
      this.#collection.query({
        fieldName: 'embedding',
        vector: query.vector,
        topk: query.limit,
        filter: query.filter,
        outputFields: ['generation_id'],
        params: { indexType: ZVecIndexType.HNSW, ...params },
      });
    const found = await search({ ef: Math.max(300, 2 * query.limit) });
    // The graph may miss rows behind a narrow filter; then so few match that looking at each is cheap.
    return found.length < query.limit ? search({ isLinear: true }) : found;
  }

  #searchText(query: Extract<ZvecQuery, { field: unknown }>): Promise<ZVecDoc[]> {
    return this.#collection.query({
      fieldName: query.field,
      // Not `queryString`: its parser gives meaning to signs inside tokens.
      fts: { matchString: query.tokens },
      topk: query.limit,
      filter: query.filter,
      outputFields: ['generation_id'],
    });
  }

  #checkDimensions(dimensions: number): void {
    const wanted = this.#collection.schema.vector('embedding').dimension;
    if (dimensions === wanted) return;
    throw new VectorIndexError(
      'invalid_request',
      `a vector has ${dimensions} dimensions, those of the collection ${wanted}`,
      { collection: this.#name },
    );
  }

  #assertOk(statuses: readonly ZVecStatus[]): void {
    const failed = statuses.find((status) => !status.ok);
    if (failed === undefined) return;
    throw new VectorIndexError('failed', `zvec: ${failed.code} ${failed.message}`, {
      collection: this.#name,
    });
  }

  async #track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }

  async #settle(): Promise<void> {
    await this.#maintenance.close();
    await Promise.allSettled(this.#running);
  }
}

function toDocuments(packed: PackedRows, start: number, end: number) {
  return packed.rows.slice(start, end).map((row, index) => {
    const offset = (start + index) * packed.dimensions;
    return {
      id: row.id,
      vectors: { embedding: packed.vectors.slice(offset, offset + packed.dimensions) },
      fields: {
        project_id: row.projectId,
        vector_store_id: row.vectorStoreId,
        generation_id: row.generationId,
        words: row.words,
        characters: row.characters,
      },
    };
  });
}

// zvec's score for COSINE is the distance, 0 to 2.
function cosineOfDistance(distance: number): number {
  return Math.min(1, Math.max(-1, 1 - distance));
}
