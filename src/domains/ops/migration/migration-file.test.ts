import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readMigrationFiles } from './migration-file.ts';

let directory = '';

beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'llamp-files-'));
});

afterEach(() => {
  fs.rmSync(directory, { recursive: true, force: true });
});

function write(fileName: string, text = 'select 1;\n'): void {
  fs.writeFileSync(join(directory, fileName), text);
}

test('reads the files in order of their versions', async () => {
  write('0002-two.sql');
  write('0001-one.sql');
  write('README.md');
  const files = await readMigrationFiles(directory);
  expect(files.map((file) => [file.version, file.fileName])).toEqual([
    [1, '0001-one.sql'],
    [2, '0002-two.sql'],
  ]);
});

test('has one checksum for both kinds of line ends', async () => {
  write('0001-unix.sql', 'select 1;\nselect 2;\n');
  write('0002-windows.sql', 'select 1;\r\nselect 2;\r\n');
  write('0003-other.sql', 'select 1;\nselect 3;\n');
  const [unix, windows, other] = await readMigrationFiles(directory);
  expect(windows?.checksum).toBe(unix?.checksum);
  expect(other?.checksum).not.toBe(unix?.checksum);
});

test('names a gap, a duplicate and a misnamed file', async () => {
  write('0001-one.sql');
  write('0003-three.sql');
  await expect(readMigrationFiles(directory)).rejects.toThrow('migration 2 is missing');
  write('0001-again.sql');
  await expect(readMigrationFiles(directory)).rejects.toThrow('have the version 1');
  write('4-four.sql');
  await expect(readMigrationFiles(directory)).rejects.toThrow('is not named like 0001-subject.sql');
});
