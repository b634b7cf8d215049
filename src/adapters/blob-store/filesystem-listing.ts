import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';

/** Keys under `root` that start with `prefix`, after `after`, ascending by code point. Reads one folder at a time. */
export async function* listKeys(
  root: string,
  prefix: string,
  after: string,
): AsyncGenerator<string> {
  yield* walk(root, '', { prefix, after });
}

interface Bounds {
  readonly prefix: string;
  readonly after: string;
}

async function* walk(directory: string, keyPrefix: string, bounds: Bounds): AsyncGenerator<string> {
  for (const name of (await readEntries(directory)).sort(byCodePoint)) {
    const keyOrFolder = keyPrefix + name;
    if (!name.endsWith('/')) {
      if (keyOrFolder.startsWith(bounds.prefix) && keyOrFolder > bounds.after) yield keyOrFolder;
    } else if (mayHold(keyOrFolder, bounds)) {
      yield* walk(path.join(directory, name), keyOrFolder, bounds);
    }
  }
}

/** Blobs by their last segment, folders by their segment and a slash: sorted like that, the walk is in key order. */
async function readEntries(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(noneIfMissing);
  return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
}

function mayHold(folder: string, { prefix, after }: Bounds): boolean {
  const inPrefix = folder.startsWith(prefix) || prefix.startsWith(folder);
  return inPrefix && (after.startsWith(folder) || folder > after);
}

// Keys are ASCII, where code units are code points. Not localeCompare: it ignores punctuation.
function byCodePoint(left: string, right: string): number {
  return left < right ? -1 : 1;
}

// A folder that a delete removed while we walk.
function noneIfMissing(error: unknown): Dirent[] {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
  throw error;
}
