import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

const OWNER_ONLY = 0o600;

/** Rows on their way: the embedded database has one session, which must not wait for an archive. */
export class RowSpool {
  readonly #directory: string;
  #file: FileHandle | undefined;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(directory: string): Promise<RowSpool> {
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return new RowSpool(directory);
  }

  async begin(table: string): Promise<void> {
    await this.#file?.close();
    this.#file = await open(this.#path(table), 'w', OWNER_ONLY);
  }

  async write(lines: readonly string[]): Promise<void> {
    await this.#file?.appendFile(`${lines.join('\n')}\n`);
  }

  async *read(table: string): AsyncGenerator<string[]> {
    await this.#file?.close();
    this.#file = undefined;
    let rest = '';
    // Not `readline`: it also ends lines at characters that may stand in a JSON text.
    for await (const text of createReadStream(this.#path(table), { encoding: 'utf8' })) {
      const lines = `${rest}${String(text)}`.split('\n');
      rest = lines.pop() ?? '';
      if (lines.length > 0) yield lines;
    }
  }

  async remove(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    await rm(this.#directory, { recursive: true, force: true });
  }

  #path(table: string): string {
    return join(this.#directory, `${table}.rows`);
  }
}
