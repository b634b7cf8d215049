import { buffer } from 'node:stream/consumers';
import type { IndexRow } from '../../../ports/vector-index.ts';
import type { KnowledgeDependencies } from '../options.ts';
import { chunkSize } from '../store-files/chunking-strategy.ts';
import { ParseFailure } from '../text/parse-failure.ts';
import type { PreparedChunk, PrepareTask } from '../text/prepare.ts';
import type { KnownCollections } from './collections.ts';
import { embeddedText, embedTexts } from './embed-chunks.ts';
import { EmbeddingPack, type PartRange, partRanges } from './pack.ts';
import {
  type ChunkTotals,
  completeGeneration,
  type Ingestion,
  insertChunks,
  listChunks,
  reportProgress,
  type UnstoredChunks,
} from './repository.ts';

const CHUNKS_PER_INSERT = 256;

export interface Preparer {
  prepare(task: PrepareTask, signal: AbortSignal): Promise<PreparedChunk[]>;
}

export interface IngestTools {
  readonly deps: KnowledgeDependencies;
  readonly preparer: Preparer;
  readonly collections: KnownCollections;
}

/** The generation is no longer wanted: its file was deleted, cancelled, or attached anew. */
export class OvertakenError extends Error {
  constructor() {
    super('the generation is no longer wanted');
    this.name = 'OvertakenError';
  }
}

/**
 * Makes one generation: parse, embed and index its chunks part by part, keep the embeddings, and make it current in
 * one transaction. Each step can be repeated, so a run that died is simply run again: it goes on at the first part
 * without embeddings.
 */
export async function ingest(
  tools: IngestTools,
  ingestion: Ingestion,
  signal: AbortSignal,
): Promise<void> {
  const { deps } = tools;
  const content = await chunksToMake(tools, ingestion, signal);
  const parts = partRanges(content.chunkCount, deps.options.embedBatchSize);
  const pack = new EmbeddingPack(deps.blobs, ingestion, { timeoutMs: deps.options.blobTimeoutMs });
  const partKeys: string[] = [];
  let textBytes = 0;
  for (const part of parts) {
    signal.throwIfAborted();
    if (part.from > 0) await requireWanted(deps, ingestion, part.from);
    const chunks = await chunksOf(deps, ingestion, { prepared: content.prepared, part });
    const { key, vectors } = await embedPart(deps, ingestion, { pack, part, chunks }, signal);
    await indexChunks(tools, ingestion, { chunks, vectors }, signal);
    partKeys.push(key);
    textBytes += chunks.reduce((sum, chunk) => sum + Buffer.byteLength(chunk.content), 0);
  }
  const completed = await completeGeneration(deps.database, ingestion, {
    packKey: await pack.join(partKeys, signal),
    usageBytes: textBytes + content.chunkCount * ingestion.dimensions * 4,
    chunkCount: content.chunkCount,
    unstored: content.unstored,
    now: deps.clock.now(),
  });
  if (!completed) throw new OvertakenError();
  await pack.deleteParts(partKeys, signal);
}

interface ChunksToMake {
  readonly chunkCount: number;
  /** In memory, unless an earlier run has stored them. */
  readonly prepared: readonly PreparedChunk[] | undefined;
  /** To be stored when the generation becomes current. */
  readonly unstored: UnstoredChunks | undefined;
}

/**
 * The chunks of a short file are stored with the last step, which makes one transaction of two. Those of a long one
 * are stored first, so that nothing is parsed twice and its progress can be seen.
 */
async function chunksToMake(
  tools: IngestTools,
  ingestion: Ingestion,
  signal: AbortSignal,
): Promise<ChunksToMake> {
  const { clock, database, options } = tools.deps;
  if (ingestion.chunkCount !== null)
    return { chunkCount: ingestion.chunkCount, prepared: undefined, unstored: undefined };
  const prepared = await prepare(tools, ingestion, signal);
  const chunkCount = prepared.length;
  const totals = totalsOf(prepared);
  if (chunkCount <= options.embedBatchSize)
    return { chunkCount, prepared, unstored: { chunks: prepared, totals } };
  for (const { from, to } of partRanges(chunkCount, CHUNKS_PER_INSERT)) {
    const isLast = to === chunkCount;
    await insertChunks(database, ingestion, prepared.slice(from, to), {
      isFirst: from === 0,
      totals: isLast ? totals : undefined,
      now: clock.now(),
    });
  }
  return { chunkCount, prepared, unstored: undefined };
}

function totalsOf(chunks: readonly PreparedChunk[]): ChunkTotals {
  return {
    chunkCount: chunks.length,
    wordsLength: tokenCount(chunks, 'words'),
    charactersLength: tokenCount(chunks, 'characters'),
  };
}

async function prepare(
  { deps, preparer }: IngestTools,
  ingestion: Ingestion,
  signal: AbortSignal,
): Promise<PreparedChunk[]> {
  const bytes = await readFile(deps, ingestion, signal);
  const { filename, chunking } = ingestion;
  const task = { filename, bytes, size: chunkSize(chunking), limits: deps.options };
  return await preparer.prepare(task, signal);
}

/** The bytes in memory of their own: they are handed over to a thread, which a shared buffer cannot be. */
async function readFile(
  { blobs, options }: KnowledgeDependencies,
  ingestion: Ingestion,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (ingestion.fileSizeBytes > options.ingestSizeMaxBytes)
    throw new ParseFailure(
      'invalid_file',
      `The file is larger than ${options.ingestSizeMaxBytes} bytes, the most that can be ingested.`,
    );
  const source = await blobs.get(ingestion.blobKey, { timeoutMs: options.blobTimeoutMs, signal });
  return new Uint8Array(await buffer(source));
}

function tokenCount(chunks: readonly PreparedChunk[], field: 'words' | 'characters'): number {
  return chunks.reduce((sum, chunk) => sum + splitTokens(chunk[field]).length, 0);
}

async function chunksOf(
  { database }: KnowledgeDependencies,
  ingestion: Ingestion,
  { prepared, part }: { prepared: readonly PreparedChunk[] | undefined; part: PartRange },
): Promise<readonly PreparedChunk[]> {
  if (prepared !== undefined) return prepared.slice(part.from, part.to);
  return await listChunks(database, ingestion.generationId, part);
}

async function embedPart(
  deps: KnowledgeDependencies,
  ingestion: Ingestion,
  work: { pack: EmbeddingPack; part: PartRange; chunks: readonly PreparedChunk[] },
  signal: AbortSignal,
): Promise<{ key: string; vectors: Float32Array[] }> {
  const { pack, part, chunks } = work;
  const texts = chunks.map(embeddedText);
  const key = pack.partKey(part, texts);
  const written = await pack.readPart(key, texts.length, signal);
  if (written !== undefined) return { key, vectors: written };
  const vectors = await embedTexts(deps, ingestion, texts, signal);
  await pack.writePart(key, vectors, signal);
  return { key, vectors };
}

async function indexChunks(
  { deps, collections }: IngestTools,
  ingestion: Ingestion,
  content: { chunks: readonly PreparedChunk[]; vectors: readonly Float32Array[] },
  signal: AbortSignal,
): Promise<void> {
  const { index, options } = deps;
  const { collection, dimensions } = ingestion;
  await collections.ensure({ name: collection, dimensions });
  const rows = indexRows(ingestion, content);
  for (const range of partRanges(rows.length, index.capabilities.insertRowsMax)) {
    const some = rows.slice(range.from, range.to);
    await index.insert(collection, some, { timeoutMs: options.indexTimeoutMs, signal });
  }
}

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

async function requireWanted(
  { clock, database }: KnowledgeDependencies,
  ingestion: Ingestion,
  chunksDone: number,
): Promise<void> {
  const isWanted = await reportProgress(database, ingestion, { chunksDone, now: clock.now() });
  if (!isWanted) throw new OvertakenError();
}
