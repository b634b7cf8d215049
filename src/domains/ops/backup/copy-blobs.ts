import { createHash } from 'node:crypto';
import { BlobNotFoundError, type BlobStore } from '../../../ports/blob-store.ts';
import type { ArchiveWriter } from './archive/archive-writer.ts';
import type { BlobEntry } from './archive/contents.ts';
import { damaged } from './backup-error.ts';
import { eachOf } from './each-of.ts';

const PIECE_BYTES = 4 * 1024 * 1024;
const READ_TIMEOUT_MS = 120_000;

export interface CopyBlobsOptions {
  readonly blobs: BlobStore;
  readonly writer: ArchiveWriter;
  /** Blobs of an earlier backup: a key never gets another content. */
  readonly earlier: ReadonlyMap<string, BlobEntry>;
  readonly signal: AbortSignal | undefined;
  onBlob(entry: BlobEntry): Promise<void>;
}

/** Every blob that rows name. One that must exist and does not makes the backup fail. */
export async function copyBlobs(
  keys: ReadonlyMap<string, boolean>,
  options: CopyBlobsOptions,
): Promise<BlobEntry[]> {
  const entries = new Map<string, BlobEntry>();
  const sorted = [...keys.keys()].sort();
  await eachOf(sorted, async (key) => {
    options.signal?.throwIfAborted();
    const entry = reused(key, options) ?? (await copyBlob(key, options));
    if (entry === undefined && keys.get(key) === true)
      throw damaged(`the blob ${key} is missing although a row names it`);
    if (entry === undefined) return;
    entries.set(key, entry);
    await options.onBlob(entry);
  });
  // In the order of their keys: the list of the next backup has the same chunks where nothing changed.
  return sorted.flatMap((key) => entries.get(key) ?? []);
}

function reused(key: string, { earlier, writer }: CopyBlobsOptions): BlobEntry | undefined {
  const entry = earlier.get(key);
  return entry?.chunks.every((name) => writer.reuse(name)) === true ? entry : undefined;
}

async function copyBlob(
  key: string,
  { blobs, writer, signal }: CopyBlobsOptions,
): Promise<BlobEntry | undefined> {
  try {
    const source = await blobs.get(key, { timeoutMs: READ_TIMEOUT_MS, signal });
    const hash = createHash('sha256');
    const chunks: string[] = [];
    let sizeBytes = 0;
    for await (const piece of pieces(source)) {
      hash.update(piece);
      sizeBytes += piece.length;
      chunks.push(await writer.add(piece));
    }
    return { kind: 'blob', key, size_bytes: sizeBytes, sha256: hash.digest('hex'), chunks };
  } catch (error) {
    if (error instanceof BlobNotFoundError) return undefined;
    throw error;
  }
}

async function* pieces(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let bytes = 0;
  for await (const part of source) {
    held.push(part);
    bytes += part.length;
    if (bytes < PIECE_BYTES) continue;
    const all = Buffer.concat(held);
    const whole = all.length - (all.length % PIECE_BYTES);
    for (let at = 0; at < whole; at += PIECE_BYTES) yield all.subarray(at, at + PIECE_BYTES);
    held = [all.subarray(whole)];
    bytes = all.length - whole;
  }
  if (bytes > 0) yield Buffer.concat(held);
}
