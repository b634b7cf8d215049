import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { syncDirectory, syncTree } from './folder-sync.ts';
import type { EngineModule } from './pglite-module.ts';

const CLUSTER_IN_MEMORY = '/pglite/data';

/**
 * Makes sure that `directory` holds a PostgreSQL cluster. A new one is built beside it and renamed when it is whole
 * and synced, so that a crash at first start leaves either nothing or a good database.
 */
export async function prepareCluster(
  directory: string,
  templateDirectory: string | undefined,
  module?: EngineModule,
): Promise<void> {
  if (fs.existsSync(join(directory, 'PG_VERSION'))) return;
  if (fs.existsSync(directory) && fs.readdirSync(directory).length > 0) {
    throw new Error(`the folder ${directory} is not empty and holds no database`);
  }
  const unfinished = `${directory}.creating`;
  fs.rmSync(unfinished, { recursive: true, force: true });
  fs.mkdirSync(dirname(directory), { recursive: true });
  if (templateDirectory === undefined) await createCluster(unfinished, module);
  else
    fs.cpSync(templateDirectory, unfinished, {
      recursive: true,
      mode: fs.constants.COPYFILE_FICLONE,
    });
  syncTree(unfinished);
  fs.rmSync(directory, { recursive: true, force: true });
  fs.renameSync(unfinished, directory);
  syncDirectory(dirname(directory));
}

/**
 * Initialised in memory and then written out: the engine's own way to the disk looks every path up level by level, which
 * costs a second and a half over a thousand files.
 */
async function createCluster(directory: string, module?: EngineModule): Promise<void> {
  const engine = new PGlite({ pgliteWasmModule: module });
  await engine.waitReady;
  // Its files outlive the engine; only the way to them does not.
  const files = engine.Module.FS;
  await engine.close();
  writeOut(files, CLUSTER_IN_MEMORY, directory);
}

interface MemoryFiles {
  readdir(path: string): string[];
  stat(path: string): { mode: number };
  isDir(mode: number): boolean;
  readFile(path: string): Uint8Array;
}

function writeOut(files: MemoryFiles, from: string, to: string): void {
  fs.mkdirSync(to, { recursive: true, mode: 0o700 });
  for (const name of files.readdir(from)) {
    if (name === '.' || name === '..') continue;
    const path = `${from}/${name}`;
    if (files.isDir(files.stat(path).mode)) writeOut(files, path, join(to, name));
    else fs.writeFileSync(join(to, name), files.readFile(path), { mode: 0o600 });
  }
}
