import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../test/support/database-template.ts';
import { OpenCalls } from './open-calls.ts';

let folder: string;

beforeEach(() => {
  folder = temporaryFolder('open-calls');
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const files = () => readdirSync(folder).sort();

describe('calls under way', () => {
  it('are what the next process finds, in order', async () => {
    const dead = OpenCalls.open(folder);
    dead.begin('a', '{"id":"a"}');
    dead.begin('b', '{"id":"b"}');
    const next = OpenCalls.open(folder);
    expect(await next.leftover()).toEqual(['{"id":"a"}', '{"id":"b"}']);
    await next.forgetLeftover();
    expect(await next.leftover()).toEqual([]);
    expect(files()).toEqual([]);
  });

  it('never mix with those of a dead process', async () => {
    OpenCalls.open(folder).begin('a', '{"id":"a"}');
    const next = OpenCalls.open(folder);
    next.begin('b', '{"id":"b"}');
    expect(await next.leftover()).toEqual(['{"id":"a"}']);
    await next.forgetLeftover();
    expect(files()).toEqual(['calls-0000000002.jsonl']);
  });

  it('leave no file behind when all of them ended', () => {
    const calls = OpenCalls.open(folder);
    calls.begin('a', '{"id":"a"}');
    calls.end('a');
    calls.end('unknown');
    calls.close();
    expect(files()).toEqual([]);
  });

  it('keep a file until the last call in it ended', () => {
    const calls = OpenCalls.open(folder);
    const long = JSON.stringify({ text: 'x'.repeat(600_000) });
    calls.begin('a', long);
    calls.begin('b', long);
    calls.begin('c', '{"id":"c"}');
    expect(files()).toEqual(['calls-0000000001.jsonl', 'calls-0000000002.jsonl']);
    calls.end('a');
    expect(files()).toHaveLength(2);
    calls.end('b');
    expect(files()).toEqual(['calls-0000000002.jsonl']);
  });

  it('leave out a line that was cut', async () => {
    writeFileSync(join(folder, 'calls-0000000001.jsonl'), '{"id":"a"}\n{"id":');
    expect(await OpenCalls.open(folder).leftover()).toEqual(['{"id":"a"}']);
  });
});
