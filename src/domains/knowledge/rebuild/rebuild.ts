import { createHash } from 'node:crypto';
import { type CollectionDefinition, VectorIndexError } from '../../../ports/vector-index.ts';
import { indexRows } from '../ingestion/ingest.ts';
import { EmbeddingPack, partRanges } from '../ingestion/pack.ts';
import { listChunks } from '../ingestion/repository.ts';
import type { KnowledgeDependencies } from '../options.ts';
import { listCurrentGenerations, type StoredGeneration } from './repository.ts';

const GENERATIONS_PER_PAGE = 200;
const PASSES_MAX = 5;
const SAMPLE = 8;

export interface RebuildResult {
  readonly collection: string;
  /** Generations whose rows were proven to be in the index, all of them and no others. */
  readonly generations: number;
  readonly chunks: number;
  /** Generations that had to be put back. */
  readonly restored: number;
  /** Generations that could not be, and why: their embeddings are lost and their files must be attached again. */
  readonly failed: readonly { readonly generationId: string; readonly reason: string }[];
}

/**
 * Drops a collection and makes it again from SQL and the embedding packs, without a single embedding call. Searches
 * find less while it runs. What becomes current meanwhile is covered by the passes at the end.
 */
export async function rebuildCollection(
  deps: KnowledgeDependencies,
  collection: CollectionDefinition,
  signal: AbortSignal,
): Promise<RebuildResult> {
  const call = { timeoutMs: deps.options.indexTimeoutMs, signal };
  await deps.index.dropCollection(collection.name, call);
  return await repairCollection(deps, collection, signal);
}

/**
 * Proves each current generation by the number and the hash of its row ids, and puts back what differs, until a pass
 * finds nothing to do. Safe beside searches and ingestions.
 */
export async function repairCollection(
  deps: KnowledgeDependencies,
  collection: CollectionDefinition,
  signal: AbortSignal,
): Promise<RebuildResult> {
  await createCollection(deps, collection, signal);
  let restored = 0;
  for (let pass = 1; ; pass += 1) {
    const outcome = await runPass(deps, collection, signal);
    restored += outcome.restored;
    if (outcome.restored === 0 || pass >= PASSES_MAX)
      return { collection: collection.name, ...outcome, restored };
  }
}

/** Whether a sample of generations is in the index as it should be. */
export async function isIntact(
  deps: KnowledgeDependencies,
  collection: CollectionDefinition,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await deps.index.ensureCollection(collection, {
      timeoutMs: deps.options.indexTimeoutMs,
      signal,
    });
    const page = { collection: collection.name, after: '', limit: SAMPLE };
    for (const generation of await listCurrentGenerations(deps.database, page)) {
      if (!(await isProven(deps, collection.name, generation, signal))) return false;
    }
    return true;
  } catch (error) {
    if (error instanceof VectorIndexError && error.code === 'collection_corrupt') return false;
    throw error;
  }
}

async function createCollection(
  { index, options }: KnowledgeDependencies,
  collection: CollectionDefinition,
  signal: AbortSignal,
): Promise<void> {
  const call = { timeoutMs: options.indexTimeoutMs, signal };
  try {
    await index.ensureCollection(collection, call);
  } catch (error) {
    const isCorrupt = error instanceof VectorIndexError && error.code === 'collection_corrupt';
    if (!isCorrupt) throw error;
    await index.dropCollection(collection.name, call);
    await index.ensureCollection(collection, call);
  }
}

async function runPass(
  deps: KnowledgeDependencies,
  { name }: CollectionDefinition,
  signal: AbortSignal,
): Promise<Omit<RebuildResult, 'collection'>> {
  const result = { generations: 0, chunks: 0, restored: 0 };
  const failed: { generationId: string; reason: string }[] = [];
  let after = '';
  for (;;) {
    const filter = { collection: name, after, limit: GENERATIONS_PER_PAGE };
    const page = await listCurrentGenerations(deps.database, filter);
    for (const generation of page) {
      signal.throwIfAborted();
      const outcome = await prove(deps, name, generation, signal);
      if (outcome.reason !== undefined)
        failed.push({ generationId: generation.generationId, reason: outcome.reason });
      else {
        result.generations += 1;
        result.chunks += generation.chunkCount;
        result.restored += outcome.isRestored ? 1 : 0;
      }
    }
    const last = page.at(-1);
    if (last === undefined) return { ...result, failed };
    after = last.generationId;
  }
}

async function prove(
  deps: KnowledgeDependencies,
  collection: string,
  generation: StoredGeneration,
  signal: AbortSignal,
): Promise<{ isRestored: boolean; reason?: string }> {
  if (await isProven(deps, collection, generation, signal)) return { isRestored: false };
  const reason = await restore(deps, collection, generation, signal);
  if (reason !== undefined) return { isRestored: false, reason };
  const isThere = await isProven(deps, collection, generation, signal);
  return isThere
    ? { isRestored: true }
    : { isRestored: false, reason: 'the index holds other rows than were put into it' };
}

async function isProven(
  { index, options }: KnowledgeDependencies,
  collection: string,
  generation: StoredGeneration,
  signal: AbortSignal,
): Promise<boolean> {
  const call = { timeoutMs: options.indexTimeoutMs, signal };
  const ids = await index.listIds(collection, generation.generationId, call);
  return ids.length === generation.chunkCount && idSetHash(ids) === idSetHash(rowIds(generation));
}

function rowIds({ generationId, chunkCount }: StoredGeneration): string[] {
  return Array.from({ length: chunkCount }, (_, ordinal) => `${generationId}.${ordinal}`);
}

/** Equal for equal sets of ids, in whatever order they come. */
export function idSetHash(ids: readonly string[]): string {
  return createHash('sha256')
    .update([...ids].sort().join('\n'))
    .digest('hex');
}

/** Puts the rows of a generation into the index; answers why it cannot. */
async function restore(
  deps: KnowledgeDependencies,
  collection: string,
  generation: StoredGeneration,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { blobs, database, index, options } = deps;
  const { generationId, packKey, chunkCount } = generation;
  if (packKey === null) return 'the generation has no embedding pack';
  const pack = new EmbeddingPack(blobs, generation, { timeoutMs: options.blobTimeoutMs });
  const call = { timeoutMs: options.indexTimeoutMs, signal };
  await index.deleteGenerations(collection, [generationId], call);
  for (const range of partRanges(chunkCount, index.capabilities.insertRowsMax)) {
    const vectors = await pack.readRange(packKey, range, signal);
    if (vectors === undefined) return 'its embedding pack is missing or too short';
    const chunks = await listChunks(database, generationId, range);
    if (chunks.length !== vectors.length) return 'chunks are missing in the database';
    await index.insert(collection, indexRows(generation, { chunks, vectors }), call);
  }
  return undefined;
}
