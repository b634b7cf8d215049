import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Clock } from '../../../ports/clock.ts';
import { copyDatabaseFolder, keepPreMigrationCopy } from './database-folder-copy.ts';

let directory = '';

beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'llamp-copy-'));
  fs.mkdirSync(join(directory, 'db', 'base'), { recursive: true });
  fs.writeFileSync(join(directory, 'db', 'PG_VERSION'), '18');
  fs.writeFileSync(join(directory, 'db', 'base', '1'), 'pages');
});

afterEach(() => {
  fs.rmSync(directory, { recursive: true, force: true });
});

test('copies the folder whole and leaves no unfinished one', async () => {
  await copyDatabaseFolder(join(directory, 'db'), join(directory, 'copy'));
  expect(fs.readFileSync(join(directory, 'copy', 'base', '1'), 'utf8')).toBe('pages');
  expect(fs.readdirSync(directory).sort()).toEqual(['copy', 'db']);
});

test('keeps the three newest copies and nothing else’s files', async () => {
  fs.mkdirSync(join(directory, 'backups'));
  fs.writeFileSync(join(directory, 'backups', 'mine.tar'), '');
  for (let day = 1; day <= 5; day += 1) {
    const copy = await keepPreMigrationCopy({
      databaseDirectory: join(directory, 'db'),
      dataDirectory: directory,
      version: day,
      clock: clockAt(`2026-01-0${day}T10:00:00.123Z`),
    });
    expect(copy).toBe(join(directory, 'backups', `pre-migration-${day}-2026010${day}T100000Z`));
  }
  expect(fs.readdirSync(join(directory, 'backups')).sort()).toEqual([
    'mine.tar',
    'pre-migration-3-20260103T100000Z',
    'pre-migration-4-20260104T100000Z',
    'pre-migration-5-20260105T100000Z',
  ]);
});

function clockAt(time: string): Clock {
  return {
    now: () => new Date(time),
    monotonicMs: () => 0,
    sleep: async () => undefined,
    newId: (prefix) => prefix,
  };
}
