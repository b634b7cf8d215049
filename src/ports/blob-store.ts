import type { Readable } from 'node:stream';

/**
 * Bytes by key, nothing else: type, name, owner and checksum of what is stored live in SQL. Keys are 1 to 512
 * characters of `[a-z0-9/_.-]`, no empty, `.` or `..` segment, none longer than 200. No key is a folder of another
 * (`a` and `a/b`): S3 servers that keep objects as files lose one of them. A value is immutable in practice: keys
 * are content-addressed or contain a fresh id.
 */
export interface BlobStore {
  /**
   * Stores the whole source under `key`, replacing what was there, and returns the number of bytes. Atomic: a
   * reader sees the old value or the new one, never a part; after a crash or an abort the old state remains.
   * Durable when it resolves.
   */
  put(
    key: string,
    source: Readable | Uint8Array,
    options: BlobOptions,
  ): Promise<{ sizeBytes: number }>;
  /** The value, or the inclusive byte `range` of it. Rejects with `BlobNotFoundError` before the first byte. */
  get(
    key: string,
    options: BlobOptions & { range?: { start: number; end?: number } },
  ): Promise<Readable>;
  /** Size in bytes, or undefined when there is no such key. */
  size(key: string, options: BlobOptions): Promise<number | undefined>;
  /** Deletes the keys; a missing one is no error. */
  delete(keys: readonly string[], options: BlobOptions): Promise<void>;
  /** Keys that start with `prefix`, ascending by code point, after `after`, at most `limit` (1 to 1000). */
  list(
    prefix: string,
    options: BlobOptions & { after?: string; limit: number },
  ): Promise<{ blobs: { key: string; sizeBytes: number }[]; hasMore: boolean }>;
  /** Resolves when the store answers; rejects with the reason otherwise. */
  check(options: BlobOptions): Promise<void>;
  close(): Promise<void>;
}

export interface BlobOptions {
  /** Time for the whole call, for `get` until the first byte. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export class BlobNotFoundError extends Error {
  readonly key: string;
  constructor(key: string) {
    super(`no blob under key ${key}`);
    this.name = 'BlobNotFoundError';
    this.key = key;
  }
}
