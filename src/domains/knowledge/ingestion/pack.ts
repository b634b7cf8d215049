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

  /** Vectors of a part that an earlier run has written, or undefined. */
  async readPart(part: PartRange, signal: AbortSignal): Promise<Float32Array[] | undefined> {
    const bytes = await this.#read(this.#partKey(part), undefined, signal);
    const expected = (part.to - part.from) * this.#dimensions * FLOAT_BYTES;
    return bytes?.length === expected ? vectorsOf(bytes, this.#dimensions) : undefined;
  }

  async writePart(
    part: PartRange,
    vectors: readonly Float32Array[],
    signal: AbortSignal,
  ): Promise<void> {
    await this.#blobs.put(this.#partKey(part), bytesOf(vectors), this.#options(signal));
  }

  /** Joins the parts and answers the key of the whole pack. A single part is the pack. */
  async join(parts: readonly PartRange[], signal: AbortSignal): Promise<string> {
    const [first, ...rest] = parts;
    if (first !== undefined && rest.length === 0) return this.#partKey(first);
    const key = `${this.#prefix}pack`;
    await this.#blobs.put(key, Readable.from(this.#bytesOfParts(parts, signal)), {
      ...this.#options(signal),
      timeoutMs: this.#timeoutMs + parts.length * this.#timeoutMs,
    });
    return key;
  }

  /** Parts are of no use once they are joined. */
  async deleteParts(parts: readonly PartRange[], signal: AbortSignal): Promise<void> {
    if (parts.length < 2) return;
    await this.#blobs.delete(
      parts.map((part) => this.#partKey(part)),
      this.#options(signal),
    );
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

  async *#bytesOfParts(parts: readonly PartRange[], signal: AbortSignal) {
    for (const part of parts) {
      const bytes = await this.#read(this.#partKey(part), undefined, signal);
      if (bytes === undefined) throw new BlobNotFoundError(this.#partKey(part));
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

  #partKey(part: PartRange): string {
    return `${this.#prefix}${part.from}-${part.to}`;
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
