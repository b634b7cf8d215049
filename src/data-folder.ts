import { existsSync, mkdirSync, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { StartError } from './lib/start-error.ts';

// A new database takes 40 MB, most of it in files of 16 MB that are given back when one of them does not fit.
const ROOM_MIN_BYTES = 32 * 1024 ** 2;

/**
 * Makes the data folder when it is missing. Level by level: below /proc, Node's own recursive `mkdir` goes round in
 * circles for ever, and on a read-only disk it hides the reason.
 */
export function createDataFolder(directory: string): void {
  const path = resolve(directory);
  // What is there but no folder is for the lock to explain.
  if (existsSync(path)) return;
  if (dirname(path) !== path) createDataFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another process was faster.
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    throw new StartError(
      `the data folder ${path} cannot be created there (${code}); set LLAMP_DATA_DIR to another folder`,
      { cause: error },
    );
  }
}

/** Whether the disk of a folder has no room for a database. */
export function isDiskFull(directory: string): boolean {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize < ROOM_MIN_BYTES;
}
