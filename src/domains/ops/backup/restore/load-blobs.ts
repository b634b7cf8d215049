import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { BlobStore } from '../../../../ports/blob-store.ts';
import type { ArchiveReader } from '../archive/archive-reader.ts';
import type { BlobEntry } from '../archive/contents.ts';
import { damaged } from '../backup-error.ts';
import { eachOf } from '../each-of.ts';

const PUT_TIMEOUT_MS = 3_600_000;

/** Each blob is hashed on its way; one that is not what was backed up ends the restore. */
export async function loadBlobs(
  blobs: BlobStore,
  reader: ArchiveReader,
  entries: Iterable<BlobEntry>,
  { signal, onBlob }: { signal: AbortSignal | undefined; onBlob: (entry: BlobEntry) => void },
): Promise<void> {
  await eachOf(entries, async (entry) => {
    signal?.throwIfAborted();
    const hash = createHash('sha256');
    const source = Readable.from(contentOf(reader, entry, hash), { objectMode: false });
    const { sizeBytes } = await blobs.put(entry.key, source, { timeoutMs: PUT_TIMEOUT_MS, signal });
    if (sizeBytes !== entry.size_bytes || hash.digest('hex') !== entry.sha256)
      throw damaged(`the blob ${entry.key} is not what was backed up`);
    onBlob(entry);
  });
}

async function* contentOf(
  reader: ArchiveReader,
  { chunks }: BlobEntry,
  hash: { update(bytes: Uint8Array): unknown },
): AsyncGenerator<Buffer> {
  for (const name of chunks) {
    const content = await reader.readChunk(name);
    hash.update(content);
    yield content;
  }
}
