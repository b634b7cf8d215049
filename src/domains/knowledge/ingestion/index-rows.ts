import type { IndexRow } from '../../../ports/vector-index.ts';
import type { KnowledgeDependencies } from '../options.ts';
import type { PreparedChunk } from '../text/prepare.ts';
import { EmbeddingPack, type PartRange, partRanges } from './pack.ts';

/** A generation whose chunks and embeddings are complete, so that its rows in the index are known. */
export interface StoredGeneration {
  readonly generationId: string;
  readonly projectId: string;
  readonly storeId: string;
  readonly dimensions: number;
  readonly chunkCount: number;
  readonly packKey: string | null;
}

export type ChunkReader = (range: PartRange) => Promise<readonly PreparedChunk[]>;

/** Rows of the vector index for chunks and their vectors. */
export function indexRows(
  place: { generationId: string; projectId: string; storeId: string },
  content: { chunks: readonly PreparedChunk[]; vectors: readonly Float32Array[] },
): IndexRow[] {
  return content.chunks.map((chunk, position) => ({
    id: `${place.generationId}.${chunk.ordinal}`,
    projectId: place.projectId,
    vectorStoreId: place.storeId,
    generationId: place.generationId,
    vector: content.vectors[position] ?? new Float32Array(),
    words: splitTokens(chunk.words),
    characters: splitTokens(chunk.characters),
  }));
}

function splitTokens(joined: string): string[] {
  return joined === '' ? [] : joined.split(' ');
}

/** Whether the index holds each row of the generation once, and no others. */
export async function isProven(
  { index, options }: KnowledgeDependencies,
  collection: string,
  { generationId, chunkCount }: StoredGeneration,
  signal: AbortSignal,
): Promise<boolean> {
  const call = { timeoutMs: options.indexTimeoutMs, signal };
  const ids = await index.listIds(collection, generationId, call);
  // A doubled row would make the list longer than the set.
  if (ids.length !== chunkCount) return false;
  const held = new Set(ids);
  return rangeOf(chunkCount).every((ordinal) => held.has(`${generationId}.${ordinal}`));
}

function rangeOf(count: number): number[] {
  return Array.from({ length: count }, (_, ordinal) => ordinal);
}

/** Takes the rows of a generation out of the index and puts them in again; answers why it cannot. */
export async function restoreRows(
  deps: KnowledgeDependencies,
  collection: string,
  { generation, readChunks }: { generation: StoredGeneration; readChunks: ChunkReader },
  signal: AbortSignal,
): Promise<string | undefined> {
  const { blobs, index, options } = deps;
  const { generationId, packKey, chunkCount } = generation;
  if (packKey === null) return 'the generation has no embedding pack';
  const pack = new EmbeddingPack(blobs, generation, { timeoutMs: options.blobTimeoutMs });
  const call = { timeoutMs: options.indexTimeoutMs, signal };
  await index.deleteGenerations(collection, [generationId], call);
  for (const range of partRanges(chunkCount, index.capabilities.insertRowsMax)) {
    const vectors = await pack.readRange(packKey, range, signal);
    if (vectors === undefined) return 'its embedding pack is missing or too short';
    const chunks = await readChunks(range);
    if (chunks.length !== vectors.length) return 'chunks are missing in the database';
    await index.insert(collection, indexRows(generation, { chunks, vectors }), call);
  }
  return undefined;
}
