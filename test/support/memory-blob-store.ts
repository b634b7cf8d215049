import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { BlobNotFoundError, type BlobStore } from '../../src/ports/blob-store.ts';

/** Blobs in memory, which a test may change behind the back of whoever uses them. */
export class MemoryBlobStore implements BlobStore {
  readonly files = new Map<string, Buffer>();
  /** Bytes of all puts. */
  putBytes = 0;

  async put(key: string, source: Readable | Uint8Array): Promise<{ sizeBytes: number }> {
    const bytes = source instanceof Readable ? await buffer(source) : Buffer.from(source);
    this.files.set(key, bytes);
    this.putBytes += bytes.length;
    return { sizeBytes: bytes.length };
  }

  async get(key: string): Promise<Readable> {
    const bytes = this.files.get(key);
    if (bytes === undefined) throw new BlobNotFoundError(key);
    return Readable.from([bytes]);
  }

  async size(key: string): Promise<number | undefined> {
    return this.files.get(key)?.length;
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.files.delete(key);
  }

  async list(prefix: string, { after = '', limit }: { after?: string; limit: number }) {
    const keys = [...this.files.keys()].filter((key) => key.startsWith(prefix) && key > after);
    const page = keys.sort().slice(0, limit);
    const blobs = page.map((key) => ({ key, sizeBytes: this.files.get(key)?.length ?? 0 }));
    return { blobs, hasMore: keys.length > limit };
  }

  async check(): Promise<void> {
    await Promise.resolve();
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}
