import { sha256Of, type WritingKey } from './archive-key.ts';
import type { ArchiveStore } from './archive-store.ts';
import { ChunkCodec } from './chunk-codec.ts';
import type { ChunkEntry } from './manifest.ts';

const PUTS_AT_ONCE = 4;

/** Chunks that earlier backups hold under the same key: they are written once. */
export interface KnownChunks {
  /** What manifests say of them. */
  readonly entries: ReadonlyMap<string, ChunkEntry>;
  /** What is stored, with sizes. */
  readonly stored: ReadonlyMap<string, number>;
}

/** Puts contents into the archive and remembers what the manifest has to say about them. */
export class ArchiveWriter {
  readonly #store: ArchiveStore;
  readonly #codec: ChunkCodec;
  readonly #keyId: string;
  readonly #known: KnownChunks;
  readonly #entries = new Map<string, ChunkEntry>();
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;
  #addedBytes = 0;

  constructor(store: ArchiveStore, key: WritingKey, known: KnownChunks) {
    this.#store = store;
    this.#codec = new ChunkCodec(key.dataKey, key.signer);
    this.#keyId = key.id;
    this.#known = known;
  }

  get addedBytes(): number {
    return this.#addedBytes;
  }

  get sizeBytes(): number {
    return this.entries.reduce((sum, [, size]) => sum + size, 0);
  }

  get entries(): ChunkEntry[] {
    return [...this.#entries.values()];
  }

  /** The name of the chunk; it is stored for certain only after `settle`. */
  async add(content: Buffer): Promise<string> {
    const name = this.#codec.nameOf(content);
    if (this.#entries.has(name) || this.reuse(name)) return name;
    const stored = await this.#codec.encode(name, content);
    this.#entries.set(name, [name, stored.length, sha256Of(stored)]);
    this.#addedBytes += stored.length;
    await this.#begin(() => this.#store.putChunk(this.#keyId, name, stored));
    return name;
  }

  /** True when the chunk is there from an earlier backup; it then belongs to this one too. */
  reuse(name: string): boolean {
    if (this.#entries.has(name)) return true;
    const entry = this.#known.entries.get(name);
    if (entry === undefined || this.#known.stored.get(name) !== entry[1]) return false;
    this.#entries.set(name, entry);
    return true;
  }

  /** Resolves when everything that was added is stored; throws when something could not be. */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #begin(put: () => Promise<void>): Promise<void> {
    while (this.#running.size >= PUTS_AT_ONCE) await Promise.race(this.#running);
    if (this.#failure !== undefined) throw this.#failure.error;
    const running: Promise<void> = put()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }
}
