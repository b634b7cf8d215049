import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

// A put that still writes touches its file far more often; other processes may share the folder.
const STALE_AFTER_MS = 24 * 3600 * 1000;

export interface DurableFileOptions {
  /** Folder of `target`; made when missing, and synced up to this root. */
  readonly root: string;
  readonly temporaryDirectory: string;
  readonly signal: AbortSignal;
}

/**
 * Writes `source` to `target` so that after a crash either the old file or the whole new one is there, and the new
 * one is there once this resolves. The temporary folder must be in the same file system: a rename is atomic only there.
 */
export async function writeDurably(
  target: string,
  source: Readable | Uint8Array,
  options: DurableFileOptions,
): Promise<{ sizeBytes: number }> {
  const temporary = path.join(options.temporaryDirectory, randomUUID());
  try {
    const sizeBytes = await writeAndSync(temporary, source, options.signal);
    options.signal.throwIfAborted();
    await renameInto(temporary, target, options.root);
    return { sizeBytes };
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Removes temporary files that a crash left behind. */
export async function sweepStaleFiles(directory: string, nowMs: number): Promise<number> {
  let swept = 0;
  for (const name of await readdir(directory)) {
    const file = path.join(directory, name);
    const facts = await stat(file).catch(undefinedIfMissing);
    if (facts === undefined || nowMs - facts.mtimeMs < STALE_AFTER_MS) continue;
    await rm(file, { force: true });
    swept += 1;
  }
  return swept;
}

/** For `.catch`: a missing file is undefined, every other error stays one. */
export function undefinedIfMissing(error: unknown): undefined {
  if (isMissing(error)) return undefined;
  throw error;
}

async function writeAndSync(
  file: string,
  source: Readable | Uint8Array,
  signal: AbortSignal,
): Promise<number> {
  const handle = await open(file, 'wx', 0o600);
  try {
    const sizeBytes =
      source instanceof Readable
        ? await writeStream(handle, source, signal)
        : await writeBytes(handle, source);
    await handle.sync();
    return sizeBytes;
  } finally {
    await handle.close();
  }
}

async function writeBytes(handle: FileHandle, bytes: Uint8Array): Promise<number> {
  await handle.writeFile(bytes);
  return bytes.byteLength;
}

async function writeStream(
  handle: FileHandle,
  source: Readable,
  signal: AbortSignal,
): Promise<number> {
  let sizeBytes = 0;
  // No write stream: it would want to close the handle, which has to be synced first.
  const write = async (chunks: AsyncIterable<Uint8Array>) => {
    for await (const chunk of chunks) sizeBytes += await writeBytes(handle, chunk);
  };
  await pipeline(source, write, { signal });
  return sizeBytes;
}

async function renameInto(temporary: string, target: string, root: string): Promise<void> {
  const directory = path.dirname(target);
  for (let attempt = 1; ; attempt += 1) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    try {
      await rename(temporary, target);
      break;
    } catch (error) {
      // A delete next door removed the folder while it was still empty.
      if (!isMissing(error) || attempt === 5) throw error;
    }
  }
  await syncUpTo(directory, root);
}

/** A new name is safe only once its folder is synced, and that folder's own name once its parent is. */
async function syncUpTo(directory: string, root: string): Promise<void> {
  for (let current = directory; ; current = path.dirname(current)) {
    await syncDirectory(current);
    if (current === root) return;
  }
}

async function syncDirectory(directory: string): Promise<void> {
  // Windows cannot open folders; NTFS journals names itself.
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r').catch(undefinedIfMissing);
  if (handle === undefined) return;
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
