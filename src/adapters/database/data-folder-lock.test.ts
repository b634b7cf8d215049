import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DataFolderError, DataFolderInUseError, lockDataFolder } from './data-folder-lock.ts';

let directory = '';

beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'llamp-lock-'));
});

afterEach(() => {
  fs.rmSync(directory, { recursive: true, force: true });
});

test('refuses a second holder and names the first', async () => {
  const lock = await lockDataFolder(directory);
  const refused = lockDataFolder(directory);
  await expect(refused).rejects.toThrow(
    `the data folder ${directory} is in use by process ${process.pid}; stop it or set LLAMP_DATA_DIR to another folder`,
  );
  await expect(refused).rejects.toMatchObject({ pid: process.pid });
  await lock.release();
  await lock.release();
  await (await lockDataFolder(directory)).release();
});

test('is free at once when its process is killed', async () => {
  const holder = spawn(process.execPath, ['--input-type=module', '-e', holderScript()], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    await once(holder, 'message');
    await expect(lockDataFolder(directory)).rejects.toMatchObject({ pid: holder.pid });
  } finally {
    holder.kill('SIGKILL');
  }
  await once(holder, 'exit');
  await (await lockDataFolder(directory)).release();
});

test('creates the folder', async () => {
  const nested = join(directory, 'a', 'b');
  const lock = await lockDataFolder(nested);
  expect(fs.existsSync(nested)).toBe(true);
  await lock.release();
});

test('says in one sentence that the folder is a file', async () => {
  const file = join(directory, 'file');
  fs.writeFileSync(file, '');
  await expect(lockDataFolder(file)).rejects.toThrow(DataFolderError);
  await expect(lockDataFolder(file)).rejects.toThrow('is not a folder');
});

// Proc and sysfs take no new files, from root neither.
test.runIf(process.platform === 'linux')('says that the folder cannot be written', async () => {
  await expect(lockDataFolder('/proc/self/fdinfo')).rejects.toThrow('cannot be written');
  await expect(lockDataFolder('/proc/self/fdinfo')).rejects.not.toThrow(DataFolderInUseError);
});

function holderScript(): string {
  const module = fileURLToPath(new URL('./data-folder-lock.ts', import.meta.url));
  return `
    const { lockDataFolder } = await import(${JSON.stringify(module)});
    globalThis.lock = await lockDataFolder(${JSON.stringify(directory)});
    process.send('locked');
    setInterval(() => undefined, 1000);`;
}
