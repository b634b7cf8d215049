import { damaged } from '../backup-error.ts';
import { linesOf } from '../rows/row-cutter.ts';
import { type OpenKey, sha256Of } from './archive-key.ts';
import type { ArchiveStore } from './archive-store.ts';
import { ChunkCodec } from './chunk-codec.ts';
import { type Contents, contentsOf } from './contents.ts';
import type { ChunkEntry, Manifest } from './manifest.ts';

/** One backup, opened: every chunk is proven before it is believed. */
export class ArchiveReader {
  readonly manifest: Manifest;
  readonly #store: ArchiveStore;
  readonly #codec: ChunkCodec;
  readonly #entries: ReadonlyMap<string, ChunkEntry>;

  constructor(store: ArchiveStore, manifest: Manifest, key: OpenKey) {
    this.manifest = manifest;
    this.#store = store;
    this.#codec = new ChunkCodec(key.dataKey, key.signer);
    this.#entries = new Map(manifest.chunks.map((entry) => [entry[0], entry]));
  }

  async readChunk(name: string): Promise<Buffer> {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw damaged(`the chunk ${name} does not belong to the backup`);
    return await this.#codec.decode(name, await readStored(this.#store, this.manifest, entry));
  }

  async readLines(name: string): Promise<string[]> {
    return linesOf(await this.readChunk(name));
  }

  async readContents(): Promise<Contents> {
    const lines: string[] = [];
    for (const name of this.manifest.contents) {
      for (const line of await this.readLines(name)) lines.push(line);
    }
    return contentsOf(lines);
  }
}

/** The stored bytes of a chunk, which needs no key to be proven. */
export async function readStored(
  store: ArchiveStore,
  manifest: Manifest,
  [name, sizeBytes, sha256]: ChunkEntry,
): Promise<Buffer> {
  const stored = await store.readChunk(manifest.key.id, name);
  if (stored.length !== sizeBytes || sha256Of(stored) !== sha256)
    throw damaged(`the chunk ${name} was changed`);
  return stored;
}
