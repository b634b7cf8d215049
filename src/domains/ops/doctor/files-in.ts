import { readdir } from 'node:fs/promises';
import { codeOf } from './finding.ts';

/** Names in a folder; none when there is no such folder. */
export async function filesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}
