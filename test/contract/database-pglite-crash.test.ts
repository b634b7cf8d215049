import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openPgliteDatabase } from '../../src/adapters/database/pglite.ts';
import { silentLog } from '../../src/lib/log.ts';
import { databaseTemplate, temporaryFolder } from '../support/database-template.ts';

const supportFile = (name: string) =>
  fileURLToPath(new URL(`../support/power-cut/${name}`, import.meta.url));

type WriterMessage =
  | { kind: 'ready' }
  | { kind: 'acknowledged'; id: number }
  | { kind: 'failed'; code?: string; unavailable?: boolean };

let folder = '';

beforeEach(() => {
  folder = temporaryFolder('crash');
});

afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

describe('embedded database, crash of its process', () => {
  // Not multiples of anything: the kill lands in different places of a write.
  test.each([3, 40, 131])('kill -9 after %i acknowledged rows loses none', async (rows) => {
    const writer = await startWriter();
    const acknowledged = await acknowledgedRows(writer, rows);
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    await expectEveryRow(acknowledged);
  });
});

describe('embedded database, failing disk', () => {
  test.each(['sync', 'write'])('stops at a failed %s instead of acknowledging', async (fault) => {
    const faultFile = join(folder, 'fault');
    const writer = await startWriter(faultFile);
    const seen: WriterMessage[] = [];
    writer.on('message', (message: WriterMessage) => seen.push(message));
    await expect.poll(() => seen.length).toBeGreaterThan(5);
    fs.writeFileSync(faultFile, fault);
    await expect.poll(() => seen.at(-1)?.kind, { timeout: 20_000 }).toBe('failed');
    writer.kill('SIGKILL');
    await once(writer, 'exit');

    expect(seen.at(-1)).toMatchObject({ code: 'connection_lost', unavailable: true });
    await expectEveryRow(highestAcknowledged(seen));
  });
});

async function startWriter(faultFile?: string): Promise<ChildProcess> {
  const template = await databaseTemplate();
  const writer = fork(supportFile('writer-process.ts'), [join(folder, 'db'), template], {
    execArgv: faultFile === undefined ? [] : ['--import', supportFile('faulty-files.mjs')],
    env: { ...process.env, LLAMP_FAULT_FILE: faultFile },
  });
  await once(writer, 'message');
  return writer;
}

async function acknowledgedRows(writer: ChildProcess, rows: number): Promise<number> {
  const seen: WriterMessage[] = [];
  writer.on('message', (message: WriterMessage) => seen.push(message));
  await expect
    .poll(() => highestAcknowledged(seen), { timeout: 30_000 })
    .toBeGreaterThanOrEqual(rows);
  return highestAcknowledged(seen);
}

function highestAcknowledged(seen: readonly WriterMessage[]): number {
  return Math.max(0, ...seen.map((message) => (message.kind === 'acknowledged' ? message.id : 0)));
}

async function expectEveryRow(acknowledged: number): Promise<void> {
  const database = await openPgliteDatabase({ directory: join(folder, 'db'), log: silentLog });
  try {
    const { rows } = await database.execute<{ found: number; entries: number; total: number }>({
      sql: `select count(*) filter (where id <= $1) as found,
                   coalesce(sum(amount), 0)::int8 as entries,
                   (select amount from totals) as total
            from entries`,
      parameters: [acknowledged],
    });
    expect(rows[0]?.found).toBe(acknowledged);
    expect(rows[0]?.entries).toBe(rows[0]?.total);
  } finally {
    await database.close();
  }
}
