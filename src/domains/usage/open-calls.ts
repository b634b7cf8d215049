import { closeSync, mkdirSync, openSync, readdirSync, unlinkSync, writeSync } from 'node:fs';
import { readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const SEGMENT_NAME = /^calls-\d{10}\.jsonl$/;
const SEGMENT_BYTES_MAX = 1024 * 1024;

interface Segment {
  readonly path: string;
  open: number;
  /** Nothing is written to it any more. */
  closed: boolean;
}

/**
 * Calls under way, on disk: a folder of append-only files of one JSON object a line. A file is deleted when each call
 * in it is over, so what a dead process leaves behind are the calls that it was at, and some that had ended by then.
 * As with the usage journal, a write is in the kernel when `begin` returns, and is not forced to the disk.
 */
export class OpenCalls {
  readonly #directory: string;
  #leftover: string[];
  #sequence: number;
  #descriptor: number | undefined;
  #sizeBytes = 0;
  #segment: Segment | undefined;
  readonly #segmentOf = new Map<string, Segment>();

  private constructor(directory: string, leftover: string[]) {
    this.#directory = directory;
    this.#leftover = leftover;
    this.#sequence = leftover.reduce((last, name) => Math.max(last, sequenceOf(name)), 0);
  }

  /** Opens the folder; files that an earlier process left are kept until `forgetLeftover`. */
  static open(directory: string): OpenCalls {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return new OpenCalls(
      directory,
      readdirSync(directory).filter((name) => SEGMENT_NAME.test(name)),
    );
  }

  /** Throws what the disk says when it refuses the line. */
  begin(id: string, line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    const descriptor = this.#descriptor ?? this.#openSegment();
    let written = 0;
    while (written < bytes.length) written += writeSync(descriptor, bytes, written);
    const segment = this.#segment;
    if (segment === undefined) return;
    segment.open += 1;
    this.#segmentOf.set(id, segment);
    this.#sizeBytes += bytes.length;
    if (this.#sizeBytes > SEGMENT_BYTES_MAX) this.#closeSegment();
  }

  /** The call is over, and its record is in the journal. */
  end(id: string): void {
    const segment = this.#segmentOf.get(id);
    if (segment === undefined) return;
    this.#segmentOf.delete(id);
    segment.open -= 1;
    if (segment.open === 0 && segment.closed) unlinkSync(segment.path);
  }

  /** Lines that an earlier process left behind; one that was cut is left out, because its call was never made. */
  async leftover(): Promise<string[]> {
    const texts = await Promise.all(
      this.#leftover.map((name) => readFile(this.#path(name), 'utf8')),
    );
    return texts.flatMap((text) => text.split('\n').slice(0, -1));
  }

  async forgetLeftover(): Promise<void> {
    for (const name of this.#leftover) await unlink(this.#path(name));
    this.#leftover = [];
  }

  /** Call it when no call is under way any more. */
  close(): void {
    this.#closeSegment();
  }

  #openSegment(): number {
    this.#sequence += 1;
    const path = this.#path(`calls-${String(this.#sequence).padStart(10, '0')}.jsonl`);
    this.#descriptor = openSync(path, 'ax', 0o600);
    this.#segment = { path, open: 0, closed: false };
    this.#sizeBytes = 0;
    return this.#descriptor;
  }

  #closeSegment(): void {
    if (this.#descriptor === undefined || this.#segment === undefined) return;
    closeSync(this.#descriptor);
    this.#segment.closed = true;
    if (this.#segment.open === 0) unlinkSync(this.#segment.path);
    this.#descriptor = undefined;
    this.#segment = undefined;
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

const sequenceOf = (name: string) => Number(name.slice('calls-'.length, -'.jsonl'.length));
