import { constants } from 'node:fs';
import { cp, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../../../ports/clock.ts';

export interface PreMigrationCopyOptions {
  /** Folder of the embedded database, which must be closed. */
  readonly databaseDirectory: string;
  /** Copies are kept in `backups/` of this folder. */
  readonly dataDirectory: string;
  /** Schema version that the copy holds. */
  readonly version: number;
  readonly clock: Clock;
}

const COPIES_KEPT = 3;
const COPY_NAME = /^pre-migration-\d+-(\d{8}T\d{6}Z)$/;

/** Keeps the embedded database as it was before a migration, and forgets all but the newest copies. */
export async function keepPreMigrationCopy(options: PreMigrationCopyOptions): Promise<string> {
  const backups = join(options.dataDirectory, 'backups');
  const stamp = options.clock
    .now()
    .toISOString()
    .replace(/[-:]|\.\d+/g, '');
  const copy = join(backups, `pre-migration-${options.version}-${stamp}`);
  await mkdir(backups, { recursive: true });
  await copyDatabaseFolder(options.databaseDirectory, copy);
  await removeOldCopies(backups);
  return copy;
}

/** Copies a closed database folder. `to` appears whole or not at all, also after a power cut. */
export async function copyDatabaseFolder(from: string, to: string): Promise<void> {
  const unfinished = join(dirname(to), `.${basename(to)}.unfinished`);
  await rm(unfinished, { recursive: true, force: true });
  // Where the file system can, the copy shares its blocks with the original.
  await cp(from, unfinished, {
    recursive: true,
    preserveTimestamps: true,
    mode: constants.COPYFILE_FICLONE,
  });
  await syncTree(unfinished);
  await rename(unfinished, to);
  await syncPath(dirname(to));
}

async function removeOldCopies(backups: string): Promise<void> {
  const byAge = (await readdir(backups))
    .flatMap((name) => {
      const stamp = COPY_NAME.exec(name)?.[1];
      return stamp === undefined ? [] : [{ name, stamp }];
    })
    .sort((a, b) => (a.stamp < b.stamp ? 1 : -1));
  for (const { name } of byAge.slice(COPIES_KEPT))
    await rm(join(backups, name), { recursive: true, force: true });
}

async function syncTree(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else if (entry.isFile()) await syncPath(path);
  }
  await syncPath(directory);
}

async function syncPath(path: string): Promise<void> {
  // Windows cannot sync folders, and needs write access to sync a file; its journal keeps names.
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
