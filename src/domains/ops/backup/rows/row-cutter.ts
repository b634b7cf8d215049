import { crc32 } from 'node:zlib';

const AVERAGE_BYTES = 128 * 1024;
const MIN_BYTES = 16 * 1024;
const MAX_BYTES = 1024 * 1024;
const HASH_RANGE = 2 ** 32;
const LINE_END = 0x0a;

/**
 * Cuts lines into chunks of whole lines. Where, is decided by the lines themselves: rows that are added or changed move
 * no border but those next to them, and everything else of a second backup has the chunks of the first.
 */
export class RowCutter {
  #lines: string[] = [];
  #bytes = 0;

  /** The chunk that ends with this line, or undefined. */
  add(line: string): Buffer | undefined {
    const length = Buffer.byteLength(line) + 1;
    this.#lines.push(line);
    this.#bytes += length;
    return this.#endsAfter(line, length) ? this.end() : undefined;
  }

  /** What is left. */
  end(): Buffer | undefined {
    if (this.#lines.length === 0) return undefined;
    const chunk = Buffer.from(`${this.#lines.join('\n')}\n`);
    this.#lines = [];
    this.#bytes = 0;
    return chunk;
  }

  // A long line ends a chunk more often than a short one, so that chunks have one size whatever the rows have.
  #endsAfter(line: string, length: number): boolean {
    if (this.#bytes >= MAX_BYTES) return true;
    if (this.#bytes < MIN_BYTES) return false;
    return crc32(line) < (length / AVERAGE_BYTES) * HASH_RANGE;
  }
}

/** The lines of a chunk. */
export function linesOf(chunk: Buffer): string[] {
  if (chunk.length === 0) return [];
  const isWhole = chunk.at(-1) === LINE_END;
  const lines = chunk.toString('utf8').split('\n');
  return isWhole ? lines.slice(0, -1) : lines;
}
