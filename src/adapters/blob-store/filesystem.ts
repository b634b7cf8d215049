import { access, constants, mkdir, open, rmdir, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { addAbortSignal, Readable } from 'node:stream';
import { BlobNotFoundError, type BlobOptions, type BlobStore } from '../../ports/blob-store.ts';
import { assertBlobKey, assertBlobPrefix, assertByteRange, assertListLimit } from './blob-key.ts';
import { withCallDeadline } from './call-deadline.ts';
import { sweepStaleFiles, undefinedIfMissing, writeDurably } from './durable-files.ts';
import { listKeys } from './filesystem-listing.ts';

/** Opens the store in `directory`, which it makes when missing, and sweeps what a crash left in it. */
export async function openFilesystemBlobStore(options: {
  directory: string;
}): Promise<FilesystemBlobStore> {
  const root = path.join(options.directory, 'blobs');
  const temporaryDirectory = path.join(options.directory, 'incoming');
  await mkdir(root, { recursive: true, mode: 0o700 });
  await mkdir(temporaryDirectory, { recursive: true, mode: 0o700 });
  await sweepStaleFiles(temporaryDirectory, Date.now());
  return new FilesystemBlobStore(root, temporaryDirectory);
}

/** Blobs as files of one folder. Facts about them live in SQL; here are only bytes. */
export class FilesystemBlobStore implements BlobStore {
  readonly #root: string;
  readonly #temporaryDirectory: string;

  constructor(root: string, temporaryDirectory: string) {
    this.#root = root;
    this.#temporaryDirectory = temporaryDirectory;
  }

  async put(
    key: string,
    source: Readable | Uint8Array,
    options: BlobOptions,
  ): Promise<{ sizeBytes: number }> {
    assertBlobKey(key);
    return withCallDeadline(options, (signal) =>
      writeDurably(this.#file(key), source, {
        root: this.#root,
        temporaryDirectory: this.#temporaryDirectory,
        signal,
      }),
    );
  }

  async get(
    key: string,
    options: BlobOptions & { range?: { start: number; end?: number } },
  ): Promise<Readable> {
    assertBlobKey(key);
    assertByteRange(options.range);
    const stream = await withCallDeadline(options, () => this.#openStream(key, options.range));
    return options.signal === undefined ? stream : addAbortSignal(options.signal, stream);
  }

  async size(key: string, options: BlobOptions): Promise<number | undefined> {
    assertBlobKey(key);
    return withCallDeadline(options, () => this.#sizeOf(key));
  }

  async delete(keys: readonly string[], options: BlobOptions): Promise<void> {
    keys.forEach(assertBlobKey);
    await withCallDeadline(options, async (signal) => {
      for (const key of keys) {
        signal.throwIfAborted();
        await unlink(this.#file(key)).catch(undefinedIfMissing);
        await this.#removeEmptyFolders(path.dirname(this.#file(key)));
      }
    });
  }

  async list(
    prefix: string,
    options: BlobOptions & { after?: string; limit: number },
  ): Promise<{ blobs: { key: string; sizeBytes: number }[]; hasMore: boolean }> {
    assertBlobPrefix(prefix);
    assertListLimit(options.limit);
    return withCallDeadline(options, (signal) => this.#list(prefix, options, signal));
  }

  async check(options: BlobOptions): Promise<void> {
    await withCallDeadline(options, () =>
      access(this.#temporaryDirectory, constants.R_OK | constants.W_OK),
    );
  }

  async close(): Promise<void> {
    // Nothing is held between calls.
  }

  #file(key: string): string {
    return path.join(this.#root, ...key.split('/'));
  }

  async #sizeOf(key: string): Promise<number | undefined> {
    return (await stat(this.#file(key)).catch(undefinedIfMissing))?.size;
  }

  async #openStream(key: string, range?: { start: number; end?: number }): Promise<Readable> {
    const handle = await open(this.#file(key), 'r').catch(undefinedIfMissing);
    if (handle === undefined) throw new BlobNotFoundError(key);
    try {
      const { size } = await handle.stat();
      if (range !== undefined && range.start >= size) {
        throw new RangeError(`the range starts beyond the ${size} bytes of blob ${key}`);
      }
      if (size > 0) return handle.createReadStream({ start: range?.start, end: range?.end });
      await handle.close();
      return Readable.from([]);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async #list(
    prefix: string,
    { after = '', limit }: { after?: string; limit: number },
    signal: AbortSignal,
  ): Promise<{ blobs: { key: string; sizeBytes: number }[]; hasMore: boolean }> {
    const blobs: { key: string; sizeBytes: number }[] = [];
    for await (const key of listKeys(this.#root, prefix, after)) {
      signal.throwIfAborted();
      if (blobs.length === limit) return { blobs, hasMore: true };
      const sizeBytes = await this.#sizeOf(key);
      if (sizeBytes !== undefined) blobs.push({ key, sizeBytes });
    }
    return { blobs, hasMore: false };
  }

  // Keys often contain fresh ids as folders; without this they would pile up for ever.
  async #removeEmptyFolders(directory: string): Promise<void> {
    for (let current = directory; current !== this.#root; current = path.dirname(current)) {
      const removed = await rmdir(current).then(
        () => true,
        () => false,
      );
      if (!removed) return;
    }
  }
}
