import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { missingFileError } from './errors.ts';

export interface MigrationFile {
  readonly version: number;
  /** As in the folder, for example `0002-usage.sql`. */
  readonly fileName: string;
  readonly sql: string;
  /** SHA-256 of the text, as hex. */
  readonly checksum: string;
}

const FILE_NAME = /^(\d{4})-[a-z0-9-]+\.sql$/;

/** The migrations of this release in order. Their versions start at 1 and have no gap. */
export async function readMigrationFiles(directory: string): Promise<MigrationFile[]> {
  const fileNames = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort();
  const files = await Promise.all(fileNames.map((name) => readMigrationFile(directory, name)));
  files.forEach((file, index) => {
    if (file.version < index + 1)
      throw new Error(`two files in ${directory} have the version ${file.version}`);
    if (file.version > index + 1) throw missingFileError(index + 1, directory);
  });
  return files;
}

async function readMigrationFile(directory: string, fileName: string): Promise<MigrationFile> {
  const match = FILE_NAME.exec(fileName);
  if (match === null)
    throw new Error(
      `${join(directory, fileName)} is not named like 0001-subject.sql in lower case`,
    );
  // A checkout on Windows may have other line ends; it is the same migration.
  const sql = (await readFile(join(directory, fileName), 'utf8')).replaceAll('\r\n', '\n');
  const checksum = createHash('sha256').update(sql).digest('hex');
  return { version: Number(match[1]), fileName, sql, checksum };
}
