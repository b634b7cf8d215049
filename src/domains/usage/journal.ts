import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const SEGMENT_NAME = /^usage-\d{10}\.jsonl$/;

/**
 * A folder of append-only files of one JSON object a line. `append` is one synchronous write: what it returned from
 * is in the kernel, so the death of the process loses nothing. It is not forced to the disk: a power cut may lose what
 * was not yet in SQL, that is the last flush interval while the database answers.
 */
export class UsageJournal {
  readonly #directory: string;
  #sequence: number;
  #descriptor: number | undefined;
  #openName: string | undefined;
  #openSizeBytes = 0;
  /** Complete segments, oldest first. */
  readonly #closed: string[];
  /** Lines that `append` took, by segment; those of an earlier process are not counted. */
  readonly #appended = new Map<string, number>();

  private constructor(directory: string, leftover: string[]) {
    this.#directory = directory;
    this.#closed = leftover;
    this.#sequence = leftover.reduce((last, name) => Math.max(last, sequenceOf(name)), 0);
  }

  /** Opens the folder; segments that an earlier process left count as closed ones. */
  static async open(directory: string): Promise<UsageJournal> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const names = (await readdir(directory)).filter((name) => SEGMENT_NAME.test(name));
    return new UsageJournal(directory, names.sort());
  }

  /** Bytes in the segment that is being written. */
  get openSizeBytes(): number {
    return this.#openSizeBytes;
  }

  get closedSegments(): readonly string[] {
    return this.#closed;
  }

  /** Lines that this process appended and that are not removed yet. */
  get waitingLines(): number {
    let count = 0;
    for (const lines of this.#appended.values()) count += lines;
    return count;
  }

  append(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    const descriptor = this.#descriptor ?? this.#openSegment();
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(descriptor, bytes, written);
    } catch (error) {
      // A full disk may have taken half of the line; the next one must not be glued to it.
      this.rotate();
      throw error;
    }
    this.#openSizeBytes += bytes.length;
    this.#countLine();
  }

  /** Closes the segment that is being written; the next `append` starts a new one. */
  rotate(): void {
    if (this.#descriptor === undefined || this.#openName === undefined) return;
    closeSync(this.#descriptor);
    this.#closed.push(this.#openName);
    this.#descriptor = undefined;
    this.#openName = undefined;
    this.#openSizeBytes = 0;
  }

  /** The lines of a closed segment. A line cut by a full disk or a power cut is told apart, never thrown. */
  async read(segment: string): Promise<{ lines: string[]; broken: string[] }> {
    const text = await readFile(join(this.#directory, segment), 'utf8');
    const lines: string[] = [];
    const broken: string[] = [];
    for (const line of text.split('\n')) {
      if (line !== '') (isObject(line) ? lines : broken).push(line);
    }
    return { lines, broken };
  }

  /** Forgets a closed segment: its rows are acknowledged by SQL. */
  async remove(segment: string): Promise<void> {
    await unlink(join(this.#directory, segment));
    this.#appended.delete(segment);
    const index = this.#closed.indexOf(segment);
    if (index >= 0) this.#closed.splice(index, 1);
  }

  /** Puts lines that SQL will never take beside the journal, for a person to look at. */
  setAside(lines: readonly string[]): void {
    const descriptor = openSync(join(this.#directory, 'rejected.jsonl'), 'a', 0o600);
    try {
      writeSync(descriptor, `${lines.join('\n')}\n`);
    } finally {
      closeSync(descriptor);
    }
  }

  #countLine(): void {
    if (this.#openName === undefined) return;
    this.#appended.set(this.#openName, (this.#appended.get(this.#openName) ?? 0) + 1);
  }

  #openSegment(): number {
    this.#sequence += 1;
    const name = `usage-${String(this.#sequence).padStart(10, '0')}.jsonl`;
    this.#descriptor = openSync(join(this.#directory, name), 'ax', 0o600);
    this.#openName = name;
    return this.#descriptor;
  }
}

const sequenceOf = (name: string) => Number(name.slice('usage-'.length, -'.jsonl'.length));

function isObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}
