import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type BlobStore, BlobNotFoundError } from '../../../ports/blob-store.ts';

const FLOAT_BYTES = 4;

/** Chunks `[from, to)` of a generation: the unit of embedding, of a pack's parts, and of resuming. */
export interface PartRange {
  readonly from: number;
  readonly to: number;
}

/**
 * Embeddings of one generation in the blob store, as little-endian float32, row by row. They are written in parts
 * while the ingestion goes on, so that a run that dies never asks for the same embeddings twice, and joined at the end.
 */
export class EmbeddingPack {
  readonly #blobs: BlobStore;
  readonly #timeoutMs: number;
  readonly #prefix: string;
  readonly #dimensions: number;

  constructor(
    blobs: BlobStore,
    generation: { generationId: string; dimensions: number },
    options: { timeoutMs: number },
  ) {
    this.#blobs = blobs;
    this.#timeoutMs = options.timeoutMs;
    this.#prefix = packPrefix(generation.generationId);
    this.#dimensions = generation.dimensions;
  }

  /**
   * Key of the part that holds the embeddings of these texts. Made from the texts themselves, so that a part of an
   * earlier run is used only when it fits, whatever has been upgraded or configured since.
   */
  partKey(part: PartRange, texts: readonly string[]): string {
    const digest = createHash('sha256').update(JSON.stringify(texts)).digest('hex');
    return `${this.#prefix}${part.from}-${part.to}-${digest.slice(0, 32)}`;
  }

  /** Vectors of a part that an earlier run has written, or undefined. */
  async readPart(
    key: string,
    count: number,
    signal: AbortSignal,
  ): Promise<Float32Array[] | undefined> {
    const bytes = await this.#read(key, undefined, signal);
    const isWhole = bytes?.length === count * this.#dimensions * FLOAT_BYTES;
    return isWhole ? vectorsOf(bytes, this.#dimensions) : undefined;
  }

  async writePart(
    key: string,
    vectors: readonly Float32Array[],
    signal: AbortSignal,
  ): Promise<void> {
    await this.#blobs.put(key, bytesOf(vectors), this.#options(signal));
  }

  /** Joins the parts and answers the key of the whole pack. A single part is the pack. */
  async join(partKeys: readonly string[], signal: AbortSignal): Promise<string> {
    const [first, ...rest] = partKeys;
    if (first !== undefined && rest.length === 0) return first;
    const key = `${this.#prefix}pack`;
    await this.#blobs.put(key, Readable.from(this.#bytesOfParts(partKeys, signal)), {
      signal,
      timeoutMs: this.#timeoutMs * (1 + partKeys.length),
    });
    return key;
  }

  /** Parts are of no use once they are joined. */
  async deleteParts(partKeys: readonly string[], signal: AbortSignal): Promise<void> {
    if (partKeys.length > 1) await this.#blobs.delete(partKeys, this.#options(signal));
  }

  /** Vectors of chunks `[from, to)` out of the whole pack, or undefined when it does not hold them. */
  async readRange(
    packKey: string,
    part: PartRange,
    signal: AbortSignal,
  ): Promise<Float32Array[] | undefined> {
    const rowBytes = this.#dimensions * FLOAT_BYTES;
    const range = { start: part.from * rowBytes, end: part.to * rowBytes - 1 };
    const bytes = await this.#read(packKey, range, signal);
    const isWhole = bytes?.length === (part.to - part.from) * rowBytes;
    return isWhole ? vectorsOf(bytes, this.#dimensions) : undefined;
  }

  async *#bytesOfParts(partKeys: readonly string[], signal: AbortSignal) {
    for (const key of partKeys) {
      const bytes = await this.#read(key, undefined, signal);
      if (bytes === undefined) throw new Error(`the part ${key} of an embedding pack is gone`);
      yield bytes;
    }
  }

  async #read(
    key: string,
    range: { start: number; end: number } | undefined,
    signal: AbortSignal,
  ): Promise<Buffer | undefined> {
    try {
      return await buffer(await this.#blobs.get(key, { ...this.#options(signal), range }));
    } catch (error) {
      if (error instanceof BlobNotFoundError) return undefined;
      throw error;
    }
  }

  #options(signal: AbortSignal) {
    return { timeoutMs: this.#timeoutMs, signal };
  }
}

/** Everything of a generation in the blob store lies under this prefix. */
export function packPrefix(generationId: string): string {
  return `packs/${generationId}/`;
}

/** Ranges of at most `size` chunks that cover `count` of them. */
export function partRanges(count: number, size: number): PartRange[] {
  return Array.from({ length: Math.ceil(count / size) }, (_, index) => ({
    from: index * size,
    to: Math.min((index + 1) * size, count),
  }));
}

// Every platform that Node 24 runs on is little-endian, so memory is written as it is.
function bytesOf(vectors: readonly Float32Array[]): Buffer {
  return Buffer.concat(
    vectors.map((vector) => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)),
  );
}

function vectorsOf(bytes: Buffer, dimensions: number): Float32Array[] {
  // A Buffer may begin at any byte of its memory; floats need a multiple of four.
  const aligned = new Uint8Array(bytes);
  return Array.from(
    { length: aligned.length / (dimensions * FLOAT_BYTES) },
    (_, row) => new Float32Array(aligned.buffer, row * dimensions * FLOAT_BYTES, dimensions),
  );
}
