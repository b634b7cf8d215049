import { type CollectionDefinition, VectorIndexError } from '../../../ports/vector-index.ts';
import { isProven, restoreRows, type StoredGeneration } from '../ingestion/index-rows.ts';
import type { PartRange } from '../ingestion/pack.ts';
import { listChunks } from '../ingestion/repository.ts';
import type { KnowledgeDependencies } from '../options.ts';
import { listCurrentGenerations, listNewestGenerations } from './repository.ts';

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
 * Proves each current generation by its row ids, each there once,, and puts back what differs, until a pass
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

/**
 * Whether a sample of generations is in the index as it should be: the newest, which a power cut takes first, and some
 * from another place at each call, so that in time a loss anywhere is found.
 */
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
    for (const generation of await sampleGenerations(deps, collection.name)) {
      if (!(await isProven(deps, collection.name, generation, signal))) return false;
    }
    return true;
  } catch (error) {
    if (error instanceof VectorIndexError && error.code === 'collection_corrupt') return false;
    throw error;
  }
}

async function sampleGenerations(
  { clock, database }: KnowledgeDependencies,
  collection: string,
): Promise<StoredGeneration[]> {
  // Ids are random, so a new one is a random place among them; beyond the last one the first ones follow.
  const place = { collection, after: clock.newId('gen_'), limit: SAMPLE };
  const sample = [
    ...(await listNewestGenerations(database, { collection, limit: SAMPLE })),
    ...(await listCurrentGenerations(database, place)),
    ...(await listCurrentGenerations(database, { ...place, after: '' })),
  ];
  return [...new Map(sample.map((each) => [each.generationId, each])).values()].slice(
    0,
    2 * SAMPLE,
  );
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
  const { generationId } = generation;
  const readChunks = (range: PartRange) => listChunks(deps.database, generationId, range);
  const reason = await restoreRows(deps, collection, { generation, readChunks }, signal);
  if (reason !== undefined) return { isRestored: false, reason };
  const isThere = await isProven(deps, collection, generation, signal);
  return isThere
    ? { isRestored: true }
    : { isRestored: false, reason: 'the index holds other rows than were put into it' };
}
