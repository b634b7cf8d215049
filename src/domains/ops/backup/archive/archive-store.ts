import { buffer } from 'node:stream/consumers';
import { BlobNotFoundError, type BlobStore } from '../../../../ports/blob-store.ts';
import { damaged } from '../backup-error.ts';
import { type Manifest, parseManifest } from './manifest.ts';

const PAGE = 1_000;
const CALL_TIMEOUT_MS = 120_000;
const KEYS = 'keys/';
const MANIFESTS = 'manifests/';
const CHUNKS = 'chunks/';
const SUFFIX = '.json';

export interface ListedBackup {
  readonly id: string;
  /** Undefined when it cannot be read; `reason` says why. */
  readonly manifest: Manifest | undefined;
  readonly reason: string | undefined;
}

/** Files of an archive: `keys/<id>.json`, `chunks/<key id>/<2 digits>/<name>`, and last `manifests/<backup id>.json`. */
export class ArchiveStore {
  readonly #blobs: BlobStore;
  readonly #signal: AbortSignal | undefined;

  constructor(blobs: BlobStore, signal?: AbortSignal) {
    this.#blobs = blobs;
    this.#signal = signal;
  }

  async listBackupIds(): Promise<string[]> {
    return (await this.#list(MANIFESTS)).map(({ key }) => nameIn(MANIFESTS, key));
  }

  /** Oldest first. */
  async listBackups(): Promise<ListedBackup[]> {
    const backups: ListedBackup[] = [];
    for (const id of await this.listBackupIds()) {
      try {
        backups.push({ id, manifest: await this.readManifest(id), reason: undefined });
      } catch (error) {
        this.#signal?.throwIfAborted();
        const reason = error instanceof Error ? error.message : String(error);
        backups.push({ id, manifest: undefined, reason });
      }
    }
    return backups;
  }

  async readManifest(id: string): Promise<Manifest> {
    const text = await this.#readText(`${MANIFESTS}${id}${SUFFIX}`);
    if (text === undefined) throw damaged(`there is no backup ${id} here`);
    return parseManifest(text, id);
  }

  async writeManifest(id: string, text: string): Promise<void> {
    await this.#put(`${MANIFESTS}${id}${SUFFIX}`, Buffer.from(text));
  }

  async deleteManifest(id: string): Promise<void> {
    await this.#blobs.delete([`${MANIFESTS}${id}${SUFFIX}`], this.#options());
  }

  /** Texts of key files, newest last as far as their ids tell nothing else. */
  async readKeyFiles(): Promise<string[]> {
    const texts: string[] = [];
    for (const { key } of await this.#list(KEYS)) {
      const text = await this.#readText(key);
      if (text !== undefined) texts.push(text);
    }
    return texts;
  }

  async listKeyIds(): Promise<string[]> {
    return (await this.#list(KEYS)).map(({ key }) => nameIn(KEYS, key));
  }

  async readKeyFile(id: string): Promise<string | undefined> {
    return await this.#readText(`${KEYS}${id}${SUFFIX}`);
  }

  async writeKeyFile(id: string, text: string): Promise<void> {
    await this.#put(`${KEYS}${id}${SUFFIX}`, Buffer.from(text));
  }

  /** Stored chunks of a key with their sizes. */
  async listChunks(keyId: string): Promise<Map<string, number>> {
    const prefix = `${CHUNKS}${keyId}/`;
    const found = await this.#list(prefix);
    return new Map(
      found.map(({ key, sizeBytes }) => [key.slice(key.lastIndexOf('/') + 1), sizeBytes]),
    );
  }

  async putChunk(keyId: string, name: string, stored: Buffer): Promise<void> {
    await this.#put(chunkPath(keyId, name), stored);
  }

  async readChunk(keyId: string, name: string): Promise<Buffer> {
    const bytes = await this.#read(chunkPath(keyId, name));
    if (bytes === undefined) throw damaged(`the chunk ${name} is missing`);
    return bytes;
  }

  async deleteChunks(keyId: string, names: readonly string[]): Promise<void> {
    const keys = names.map((name) => chunkPath(keyId, name));
    await this.#blobs.delete(keys, this.#options());
  }

  async #list(prefix: string): Promise<{ key: string; sizeBytes: number }[]> {
    const found: { key: string; sizeBytes: number }[] = [];
    for (;;) {
      const after = found.at(-1)?.key;
      const page = await this.#blobs.list(prefix, { ...this.#options(), after, limit: PAGE });
      found.push(...page.blobs);
      if (!page.hasMore) return found;
    }
  }

  async #readText(key: string): Promise<string | undefined> {
    return (await this.#read(key))?.toString('utf8');
  }

  async #read(key: string): Promise<Buffer | undefined> {
    try {
      return await buffer(await this.#blobs.get(key, this.#options()));
    } catch (error) {
      if (error instanceof BlobNotFoundError) return undefined;
      throw error;
    }
  }

  async #put(key: string, bytes: Buffer): Promise<void> {
    await this.#blobs.put(key, bytes, this.#options());
  }

  #options() {
    return { timeoutMs: CALL_TIMEOUT_MS, signal: this.#signal };
  }
}

const chunkPath = (keyId: string, name: string) => `${CHUNKS}${keyId}/${name.slice(0, 2)}/${name}`;

const nameIn = (folder: string, key: string) => key.slice(folder.length, -SUFFIX.length);
