import type { Readable } from 'node:stream';
import type { BlobStore } from '../../ports/blob-store.ts';
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts';

const PREFIX = 'audit/checkpoints/';
const SEQ_DIGITS = 16;
const PAGE = 1_000;
/** So many are read of a long history; the newest one always. */
const READ_MAX = 500;
const BLOB_TIMEOUT_MS = 10_000;
const SIZE_MAX = 16_384;

/** Where the checkpoint at a number of the chain lies. */
export function checkpointKey(seq: number): string {
  return `${PREFIX}${String(seq).padStart(SEQ_DIGITS, '0')}.json`;
}

export async function storeCheckpoint(
  blobs: BlobStore,
  checkpoint: Checkpoint,
  signal?: AbortSignal,
): Promise<void> {
  const text = `${JSON.stringify(checkpoint)}\n`;
  await blobs.put(checkpointKey(checkpoint.seq), Buffer.from(text, 'utf8'), {
    timeoutMs: BLOB_TIMEOUT_MS,
    signal,
  });
}

export interface ReadCheckpoints {
  readonly checkpoints: readonly Checkpoint[];
  /** Blobs under the prefix that are no checkpoints. */
  readonly unreadable: readonly string[];
  /** Left out because there are more than are read. */
  readonly skipped: number;
}

/** The checkpoints of the blob store in the order of the chain; of a long history evenly spread ones and the last. */
export async function readCheckpoints(
  blobs: BlobStore,
  signal?: AbortSignal,
): Promise<ReadCheckpoints> {
  const keys = await listKeys(blobs, signal);
  const step = Math.max(1, Math.ceil(keys.length / READ_MAX));
  const chosen = keys.filter((_key, index) => (keys.length - 1 - index) % step === 0);
  const checkpoints: Checkpoint[] = [];
  const unreadable: string[] = [];
  for (const key of chosen) {
    const source = await blobs.get(key, { timeoutMs: BLOB_TIMEOUT_MS, signal });
    const checkpoint = parseCheckpoint(await textOf(source));
    if (checkpoint === undefined) unreadable.push(key);
    else checkpoints.push(checkpoint);
  }
  return { checkpoints, unreadable, skipped: keys.length - chosen.length };
}

async function listKeys(blobs: BlobStore, signal: AbortSignal | undefined): Promise<string[]> {
  const keys: string[] = [];
  let after: string | undefined;
  for (;;) {
    const options = { after, limit: PAGE, timeoutMs: BLOB_TIMEOUT_MS, signal };
    const page = await blobs.list(PREFIX, options);
    keys.push(...page.blobs.map((blob) => blob.key));
    after = keys.at(-1);
    if (!page.hasMore) return keys;
  }
}

async function textOf(source: Readable): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of source as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > SIZE_MAX) break;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
