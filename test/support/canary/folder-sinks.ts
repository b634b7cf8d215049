import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Sink } from './canary.ts';

/** Every file below a folder, by its path in it. */
export async function folderSinks(name: string, directory: string): Promise<Sink[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Promise.all(
    files.map(async (file) => {
      const path = join(file.parentPath, file.name);
      return { name: `${name}:${relative(directory, path)}`, bytes: await readFile(path) };
    }),
  );
}
