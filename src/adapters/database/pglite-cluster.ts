import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';
import { syncDirectory, syncTree } from './folder-sync.ts';
import type { EngineModule } from './pglite-module.ts';

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

async function createCluster(directory: string, module?: EngineModule): Promise<void> {
  const engine = new PGlite({ fs: new NodeFS(directory), pgliteWasmModule: module });
  await engine.waitReady;
  await engine.close();
}
