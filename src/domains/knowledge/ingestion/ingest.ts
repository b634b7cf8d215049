import { buffer } from 'node:stream/consumers';
import type { IndexRow } from '../../../ports/vector-index.ts';
import type { KnowledgeDependencies } from '../options.ts';
import { chunkSize } from '../store-files/chunking-strategy.ts';
import { ParseFailure } from '../text/parse-failure.ts';
import type { PreparedChunk, PrepareTask } from '../text/prepare.ts';
import type { KnownCollections } from './collections.ts';
import { embedChunks } from './embed-chunks.ts';
import { EmbeddingPack, type PartRange, partRanges } from './pack.ts';
import {
  completeGeneration,
  type Ingestion,
  insertChunks,
  listChunks,
  reportProgress,
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
 * Makes one generation: parse and store its chunks, embed and index them part by part, keep the embeddings, and make
 * it current in one transaction. Each step can be repeated, so a run that died is simply run again: it goes on at the
 * first part without embeddings.
 */
export async function ingest(
  tools: IngestTools,
  ingestion: Ingestion,
  signal: AbortSignal,
): Promise<void> {
  const { deps } = tools;
  const prepared =
    ingestion.chunkCount === null ? await prepare(tools, ingestion, signal) : undefined;
  const chunkCount = prepared?.length ?? ingestion.chunkCount ?? 0;
  const parts = partRanges(chunkCount, deps.options.embedBatchSize);
  const pack = packOf(deps, ingestion);
  let textBytes = 0;
  for (const part of parts) {
    signal.throwIfAborted();
    const chunks = await chunksOf(deps, ingestion, { prepared, part });
    textBytes += chunks.reduce((sum, chunk) => sum + Buffer.byteLength(chunk.content), 0);
    const written = prepared === undefined ? await pack.readPart(part, signal) : undefined;
    const vectors = written ?? (await embedPart(deps, ingestion, { pack, part, chunks }, signal));
    await indexChunks(tools, ingestion, { chunks, vectors }, signal);
    await requireWanted(deps, ingestion, part.to);
  }
  const packKey = await pack.join(parts, signal);
  const usageBytes = textBytes + chunkCount * ingestion.dimensions * 4;
  const result = { packKey, chunkCount, usageBytes, now: deps.clock.now() };
  if (!(await completeGeneration(deps.database, ingestion, result))) throw new OvertakenError();
  await pack.deleteParts(parts, signal);
}

async function prepare(
  { deps, preparer }: IngestTools,
  ingestion: Ingestion,
  signal: AbortSignal,
): Promise<PreparedChunk[]> {
  const { clock, database, options } = deps;
  const bytes = await readFile(deps, ingestion, signal);
  const { filename, chunking } = ingestion;
  const task = { filename, bytes, size: chunkSize(chunking), limits: options };
  const chunks = await preparer.prepare(task, signal);
  const totals = {
    chunkCount: chunks.length,
    wordsLength: tokenCount(chunks, 'words'),
    charactersLength: tokenCount(chunks, 'characters'),
  };
  for (const range of partRanges(chunks.length, CHUNKS_PER_INSERT)) {
    const total = range.to === chunks.length ? totals : undefined;
    const progress = { isFirst: range.from === 0, total, now: clock.now() };
    await insertChunks(database, ingestion, chunks.slice(range.from, range.to), progress);
  }
  return chunks;
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
): Promise<Float32Array[]> {
  const vectors = await embedChunks(deps, ingestion, work.chunks, signal);
  await work.pack.writePart(work.part, vectors, signal);
  return vectors;
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

function packOf({ blobs, options }: KnowledgeDependencies, ingestion: Ingestion): EmbeddingPack {
  return new EmbeddingPack(blobs, ingestion, { timeoutMs: options.blobTimeoutMs });
}
