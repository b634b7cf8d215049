import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** The folder itself, or the nearest one above it that is there already. */
export function existingFolder(path: string): string {
  const folder = resolve(path);
  return existsSync(folder) || dirname(folder) === folder
    ? folder
    : existingFolder(dirname(folder));
}
