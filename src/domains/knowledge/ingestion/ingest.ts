import { buffer } from 'node:stream/consumers';
import type { KnowledgeDependencies } from '../options.ts';
import { chunkSize } from '../store-files/chunking-strategy.ts';
import { ParseFailure } from '../text/parse-failure.ts';
import type { PreparedChunk, PreparedFile, PrepareTask } from '../text/prepare.ts';
import { renewClaim } from './claim-repository.ts';
import type { KnownCollections } from './collections.ts';
import { embeddedText, embedTexts } from './embed-chunks.ts';
import { type ChunkReader, indexRows, isProven, restoreRows } from './index-rows.ts';
import { OvertakenError } from './overtaken-error.ts';
import { EmbeddingPack, type PartRange, partRanges } from './pack.ts';
import { completeGeneration, type Ingestion, insertChunks, listChunks } from './repository.ts';

const CHUNKS_PER_INSERT = 256;

export interface Preparer {
  prepare(task: PrepareTask, signal: AbortSignal): Promise<PreparedFile>;
}

export interface IngestTools {
  readonly deps: KnowledgeDependencies;
  readonly preparer: Preparer;
  readonly collections: KnownCollections;
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
  const { chunkCount } = content;
  const pack = new EmbeddingPack(deps.blobs, ingestion, { timeoutMs: deps.options.blobTimeoutMs });
  const { partKeys, textBytes } = await makeParts(tools, ingestion, { content, pack }, signal);
  const packKey = await pack.join(partKeys, signal);
  await requireProven(deps, ingestion, { content, packKey }, signal);
  const completed = await completeGeneration(deps.database, ingestion, {
    packKey,
    usageBytes: textBytes + chunkCount * ingestion.dimensions * 4,
    chunkCount,
    unstored: content.unstored,
    now: deps.clock.now(),
  });
  if (!completed) throw new OvertakenError();
  await pack.deleteParts(partKeys, signal);
}

interface ChunksToMake {
  readonly chunkCount: number;
  readonly read: ChunkReader;
  /** To be stored when the generation becomes current. */
  readonly unstored: PreparedFile | undefined;
}

/**
 * The chunks of a short file are stored with the last step, which makes one transaction of two. Those of a long one
 * are stored first and read back part by part, so that nothing is parsed twice, its progress can be seen, and memory
 * holds one part of it and not all.
 */
async function chunksToMake(
  tools: IngestTools,
  ingestion: Ingestion,
  signal: AbortSignal,
): Promise<ChunksToMake> {
  if (ingestion.chunkCount !== null)
    return storedChunks(tools.deps, ingestion, ingestion.chunkCount);
  const file = await prepare(tools, ingestion, signal);
  const chunkCount = file.chunks.length;
  if (chunkCount <= tools.deps.options.embedBatchSize) return unstoredChunks(file);
  await storeChunks(tools.deps, ingestion, file);
  return storedChunks(tools.deps, ingestion, chunkCount);
}

// Functions of their own: a reader made beside the file would keep the whole of it in memory.
function storedChunks(
  { database }: KnowledgeDependencies,
  { generationId }: Ingestion,
  chunkCount: number,
): ChunksToMake {
  const read: ChunkReader = (range) => listChunks(database, generationId, range);
  return { chunkCount, read, unstored: undefined };
}

function unstoredChunks(file: PreparedFile): ChunksToMake {
  const read: ChunkReader = async ({ from, to }) => file.chunks.slice(from, to);
  return { chunkCount: file.chunks.length, read, unstored: file };
}

async function storeChunks(
  deps: KnowledgeDependencies,
  ingestion: Ingestion,
  file: PreparedFile,
): Promise<void> {
  await requireHeld(deps, ingestion, undefined);
  const chunkCount = file.chunks.length;
  for (const { from, to } of partRanges(chunkCount, CHUNKS_PER_INSERT)) {
    const isHeld = await insertChunks(deps.database, ingestion, file.chunks.slice(from, to), {
      isFirst: from === 0,
      totals: to === chunkCount ? file : undefined,
      now: deps.clock.now(),
    });
    if (!isHeld) throw new OvertakenError();
  }
}

/** Embeds and indexes the chunks part by part. */
async function makeParts(
  tools: IngestTools,
  ingestion: Ingestion,
  { content, pack }: { content: ChunksToMake; pack: EmbeddingPack },
  signal: AbortSignal,
): Promise<{ partKeys: string[]; textBytes: number }> {
  const { deps } = tools;
  const partKeys: string[] = [];
  let textBytes = 0;
  for (const part of partRanges(content.chunkCount, deps.options.embedBatchSize)) {
    signal.throwIfAborted();
    if (part.from > 0) await requireHeld(deps, ingestion, part.from);
    const chunks = await content.read(part);
    // They went missing since they were counted: another run has the generation, or it must be parsed again.
    if (chunks.length !== part.to - part.from) throw new OvertakenError();
    const { key, vectors } = await embedPart(deps, ingestion, { pack, part, chunks }, signal);
    await indexChunks(tools, ingestion, { chunks, vectors }, signal);
    partKeys.push(key);
    textBytes += chunks.reduce((sum, chunk) => sum + Buffer.byteLength(chunk.content), 0);
  }
  return { partKeys, textBytes };
}

/**
 * The index may have lost rows since they were inserted (a rebuild dropped the collection) or hold some twice (an
 * insert whose answer was lost was tried again): one call finds out, just before searches are to see the rows. What a
 * rebuild drops later, its last passes put back, since the generation is current by then.
 */
async function requireProven(
  deps: KnowledgeDependencies,
  ingestion: Ingestion,
  { content, packKey }: { content: ChunksToMake; packKey: string },
  signal: AbortSignal,
): Promise<void> {
  const { chunkCount, read } = content;
  // Nothing was inserted, so the collection need not even be there.
  if (chunkCount === 0) return;
  const generation = { ...ingestion, chunkCount, packKey };
  const { collection, fileId } = ingestion;
  if (await isProven(deps, collection, generation, signal)) return;
  deps.log.warn({ collection, fileId }, 'the vector index lost or doubled rows; they are put anew');
  const work = { generation, readChunks: read };
  const reason = await restoreRows(deps, collection, work, signal);
  if (reason !== undefined) throw new Error(`rows could not be put into the index: ${reason}`);
  if (!(await isProven(deps, collection, generation, signal)))
    throw new Error('the index holds other rows than were put into it');
}

async function prepare(
  { deps, preparer }: IngestTools,
  ingestion: Ingestion,
  signal: AbortSignal,
): Promise<PreparedFile> {
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

/** Renews the claim, and stops when it is lost. */
async function requireHeld(
  { clock, database, options }: KnowledgeDependencies,
  ingestion: Ingestion,
  chunksDone: number | undefined,
): Promise<void> {
  const now = clock.now();
  const until = new Date(now.getTime() + options.ingestClaimMs);
  if (!(await renewClaim(database, ingestion, { chunksDone, now, until })))
    throw new OvertakenError();
}
