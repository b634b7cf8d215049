import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../test/support/database-template.ts';
import { UsageJournal } from './journal.ts';

let folder: string;

beforeEach(() => {
  folder = temporaryFolder('journal');
});

afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

// Appends for ever and says after each line how many it has acknowledged.
const WRITER = `
  import { writeSync } from 'node:fs';
  const { UsageJournal } = await import(process.env.JOURNAL_MODULE);
  const journal = await UsageJournal.open(process.env.JOURNAL_FOLDER);
  for (let count = 1; ; count += 1) {
    journal.append(JSON.stringify({ count, text: 'x'.repeat(400) }));
    if (count % 1000 === 0) journal.rotate();
    writeSync(1, count + '\\n');
  }
`;

describe('UsageJournal', () => {
  it('loses no acknowledged line to SIGKILL', async () => {
    const journalModule = new URL('./journal.ts', import.meta.url).href;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', WRITER], {
      env: { JOURNAL_MODULE: journalModule, JOURNAL_FOLDER: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.length > 20_000) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const acknowledged = Number(output.trim().split('\n').at(-1));
    const journal = await UsageJournal.open(folder);
    const counts: number[] = [];
    for (const segment of journal.closedSegments) {
      const { lines } = await journal.read(segment);
      counts.push(...lines.map((line) => JSON.parse(line).count));
    }
    expect(acknowledged).toBeGreaterThan(3_000);
    expect(counts.length).toBeGreaterThanOrEqual(acknowledged);
    expect(counts).toEqual(Array.from({ length: counts.length }, (_, index) => index + 1));
  });

  it('starts a new file after a restart and leaves other files alone', async () => {
    const first = await UsageJournal.open(folder);
    first.append('{"a":1}');
    fs.writeFileSync(join(folder, 'notes.txt'), 'mine');
    const second = await UsageJournal.open(folder);
    second.append('{"a":2}');
    second.rotate();
    expect(second.closedSegments).toEqual(['usage-0000000001.jsonl', 'usage-0000000002.jsonl']);
    for (const segment of [...second.closedSegments]) await second.remove(segment);
    expect(fs.readdirSync(folder)).toEqual(['notes.txt']);
  });
});
