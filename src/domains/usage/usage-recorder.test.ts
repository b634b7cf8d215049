import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../adapters/clock/system.ts';
import { openPgliteDatabase } from '../../adapters/database/pglite.ts';
import { silentLog } from '../../lib/log.ts';
import { createMetrics } from '../../lib/metrics.ts';
import { type Database, DatabaseError, type Statement } from '../../ports/database.ts';
import { databaseTemplate, temporaryFolder } from '../../../test/support/database-template.ts';
import { createUsageSchema } from '../../../test/support/usage-schema.ts';
import { recordingLog } from '../../../test/support/recording-log.ts';
import { UsageJournal } from './journal.ts';
import { OpenCalls } from './open-calls.ts';
import type { PriceBook } from './price-book.ts';
import {
  ensureUsagePartitions,
  findUsagePosition,
  listUsage,
  summarizeUsage,
} from './repository.ts';
import type { BegunCall, UsageRecord } from './usage-record.ts';
import { JournaledUsageRecorder, openUsageRecorder } from './usage-recorder.ts';

let folder: string;
let database: Database;

beforeAll(async () => {
  folder = temporaryFolder('usage');
  database = await openPgliteDatabase({
    directory: join(folder, 'database'),
    log: silentLog,
    templateDirectory: await databaseTemplate(),
  });
  await createUsageSchema(database);
});

beforeEach(async () => {
  await database.execute({ sql: 'delete from usage_records', parameters: [] });
  fs.rmSync(journal(), { recursive: true, force: true });
});

afterAll(async () => {
  await database.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

const journal = () => join(folder, 'journal');
const files = () => fs.readdirSync(journal()).sort();

function record(fields: Partial<UsageRecord> = {}): UsageRecord {
  return {
    id: systemClock.newId('usage_'),
    projectId: 'proj_1',
    apiKeyId: null,
    requestId: 'req_1',
    endpoint: 'chat.completions',
    model: 'm',
    deployment: 'upstream',
    status: 'completed',
    streamed: true,
    promptTokens: 10,
    completionTokens: 5,
    cachedTokens: 2,
    reasoningTokens: 1,
    upstreamUsage: { prompt_tokens: 10, note: "it's 你好" },
    estimated: false,
    firstTokenMs: 12,
    durationMs: 40,
    createdAt: new Date('2026-11-24T10:00:00.123Z'),
    ...fields,
  };
}

/** The real database with a switch: `away` makes it fail as a lost connection does. */
function switchable() {
  const state = { away: false, inserts: 0 };
  const execute = <Row>(statement: Statement<Row>) => {
    if (state.away) throw new DatabaseError('connection lost', { unavailable: true });
    if (statement.sql.includes('insert into usage_records')) state.inserts += 1;
    return database.execute(statement);
  };
  const proxy = new Proxy(database, {
    get: (target, key) => {
      if (key === 'execute') return async (statement: Statement) => execute(statement);
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { state, database: proxy };
}

const open = (
  options: { database?: Database; flushIntervalMs?: number; prices?: PriceBook } = {},
) => {
  const metrics = createMetrics();
  const { log, lines } = recordingLog();
  const recorder = openUsageRecorder({
    database: options.database ?? database,
    journalDirectory: journal(),
    clock: systemClock,
    log,
    metrics,
    flushIntervalMs: options.flushIntervalMs ?? 20,
    prices: options.prices,
  });
  return recorder.then((opened) => ({ recorder: opened, metrics, lines }));
};

const stored = () => listUsage(database, { projectId: 'proj_1', limit: 10_000 });
const buffered = async (metrics: ReturnType<typeof createMetrics>) =>
  (await metrics.usageBuffered.get()).values[0]?.value;

describe('the recorder', () => {
  it('brings every field into SQL, and by itself', async () => {
    const { recorder, metrics } = await open();
    const one = record();
    recorder.record(one);
    // Behind the first preparation of partitions, which a busy machine may take its time for.
    await expect.poll(() => stored(), { timeout: 10_000 }).toHaveLength(1);
    expect((await stored())[0]).toMatchObject({
      id: one.id,
      project_id: 'proj_1',
      api_key_id: null,
      upstream_usage: one.upstreamUsage,
      prompt_tokens: 10,
      first_token_ms: 12,
      created_at: one.createdAt,
    });
    await expect.poll(() => buffered(metrics)).toBe(0);
    await recorder.close();
    expect(files()).toEqual([]);
  });

  it('writes in batches and keeps the order of ten thousand', async () => {
    const { state, database: counted } = switchable();
    const { recorder } = await open({ database: counted });
    const startMs = performance.now();
    for (let index = 0; index < 10_000; index += 1) recorder.record(record({ durationMs: index }));
    const perRecordUs = ((performance.now() - startMs) / 10_000) * 1000;
    await recorder.close();
    expect(await stored()).toHaveLength(10_000);
    expect(state.inserts).toBeLessThan(40);
    // A generous ceiling: the write itself is a few microseconds.
    expect(perRecordUs).toBeLessThan(500);
  });

  it('has the record in the file before it returns', async () => {
    const { state, database: away } = switchable();
    state.away = true;
    const { recorder } = await open({ database: away });
    recorder.record(record({ id: 'usage_a' }));
    const text = files()
      .map((name) => fs.readFileSync(join(journal(), name), 'utf8'))
      .join('');
    expect(text).toContain('"id":"usage_a"');
    await recorder.close();
  });

  it('keeps journaling while the database is away and writes later', async () => {
    const { state, database: away } = switchable();
    state.away = true;
    const { recorder, lines } = await open({ database: away });
    for (let index = 0; index < 50; index += 1) {
      recorder.record(record());
      await recorder.flush().catch(() => undefined);
    }
    // One file that failed and the one that grows since, whatever the number of attempts.
    expect(files().length).toBeLessThanOrEqual(2);
    expect(lines.filter((line) => line.level === 'warn').length).toBeLessThanOrEqual(1);
    state.away = false;
    await recorder.flush();
    expect(await stored()).toHaveLength(50);
    await recorder.close();
    expect(files()).toEqual([]);
  });

  it('replays what a killed process left, once', async () => {
    const { state, database: away } = switchable();
    state.away = true;
    const killed = await open({ database: away });
    for (let index = 0; index < 7; index += 1)
      killed.recorder.record(record({ id: `usage_${index}` }));
    await killed.recorder.close();
    // As if the process had died between the acknowledgement of SQL and the removal of the file.
    const copy = files().map((name) => [name, fs.readFileSync(join(journal(), name))] as const);
    const second = await open();
    await second.recorder.close();
    for (const [name, bytes] of copy) fs.writeFileSync(join(journal(), name), bytes);
    const third = await open();
    third.recorder.record(record({ id: 'usage_new' }));
    await third.recorder.close();
    expect((await stored()).map((row) => row.id).sort()).toEqual([
      ...Array.from({ length: 7 }, (_, index) => `usage_${index}`),
      'usage_new',
    ]);
    expect(await buffered(third.metrics)).toBe(0);
    expect(files()).toEqual([]);
  });

  it('lets one row that SQL refuses hold up no other, nor a line that was cut', async () => {
    fs.mkdirSync(journal(), { recursive: true });
    fs.writeFileSync(join(journal(), 'usage-0000000001.jsonl'), '{"id":"usage_cut","proj');
    const { recorder, lines } = await open();
    recorder.record(record({ id: 'usage_bad', promptTokens: 3_000_000_000 }));
    recorder.record(record({ id: 'usage_good' }));
    await recorder.close();
    expect((await stored()).map((row) => row.id)).toEqual(['usage_good']);
    expect(files()).toEqual(['rejected.jsonl']);
    expect(fs.readFileSync(join(journal(), 'rejected.jsonl'), 'utf8')).toMatch(
      /usage_cut[\s\S]*usage_bad/,
    );
    expect(lines.filter((line) => line.level === 'error')).toHaveLength(2);
  });
});

describe('what SQL refuses of a row', () => {
  const nested = (depth: number) => {
    let value: object = {};
    for (let level = 0; level < depth; level += 1) value = { a: value };
    return value;
  };

  it.each([
    ['half a character in the model', { model: 'half \ud800' }, 'half \ufffd'],
    ['a zero character in the model', { model: 'zero \u0000 byte' }, 'zero  byte'],
    ['a zero character in the report', { upstreamUsage: { note: 'a\u0000' } }, 'm'],
    ['half a character in the report', { upstreamUsage: { note: '\ud800' } }, 'm'],
    ['a report nested too deeply for SQL', { upstreamUsage: nested(6_000) }, 'm'],
    ['a report nested too deeply for us', { upstreamUsage: nested(100_000) }, 'm'],
  ])('costs only that: %s', async (_name, fields, model) => {
    const { recorder } = await open();
    recorder.record(record({ id: 'usage_odd', ...fields }));
    recorder.record(record({ id: 'usage_plain' }));
    await recorder.flush();
    expect((await stored()).map((row) => row.id).sort()).toEqual(['usage_odd', 'usage_plain']);
    const odd = (await stored()).find((row) => row.id === 'usage_odd');
    expect(odd).toMatchObject({ model, prompt_tokens: 10, completion_tokens: 5 });
    await recorder.close();
    expect(files()).toEqual([]);
  });
});

describe('GW-8 calls that the death of their process interrupted', () => {
  const call = (id: string): BegunCall => ({
    id,
    projectId: 'proj_1',
    apiKeyId: 'key_1',
    userId: 'user_1',
    requestId: `req_${id}`,
    endpoint: 'chat.completions',
    model: 'm',
    deployment: 'upstream',
    deploymentId: 'dep_1',
    streamed: false,
    bodyBytes: 401,
    createdAt: new Date('2026-11-24T10:00:00.123Z'),
  });

  it('get a record at the next start, and those that ended keep theirs', async () => {
    const { state, database: away } = switchable();
    state.away = true;
    const { recorder: dead } = await open({ database: away });
    for (const id of ['ended', 'interrupted']) dead.begin(call(id));
    dead.record(record({ id: 'ended', projectId: 'proj_1', apiKeyId: 'key_1' }));

    const prices = { costMicros: () => ({ costMicros: 7, priceVersion: 'price_1' }) };
    const { recorder: next } = await open({ prices });
    await vi.waitFor(async () => expect(await statuses()).toHaveLength(2));
    await next.close();
    await dead.close();
    expect(await statuses()).toEqual([
      { id: 'ended', status: 'completed', prompt_tokens: 10, estimated: false, cost: null },
      { id: 'interrupted', status: 'interrupted', prompt_tokens: 101, estimated: true, cost: 7 },
    ]);
    expect(files()).toEqual([]);
  });

  it('leave nothing behind when all of them ended', async () => {
    const { recorder } = await open();
    recorder.begin(call('ended'));
    recorder.record(record({ id: 'ended' }));
    await recorder.close();
    expect(files()).toEqual([]);
  });

  async function statuses() {
    const { rows } = await database.execute({
      sql: `select id, status, prompt_tokens, estimated, cost_micros::integer as cost from usage_records order by id`,
      parameters: [],
    });
    return rows;
  }
});

describe('a journal that cannot be written', () => {
  async function withJournal() {
    const usageJournal = await UsageJournal.open(journal());
    const { state, database: away } = switchable();
    const metrics = createMetrics();
    const { log, lines } = recordingLog();
    const sleep = vi.fn(systemClock.sleep);
    const recorder = new JournaledUsageRecorder(
      {
        database: away,
        journalDirectory: journal(),
        clock: { ...systemClock, sleep },
        log,
        metrics,
        flushIntervalMs: 5,
      },
      usageJournal,
      OpenCalls.open(journal()),
    );
    const breakJournal = (append: (usageJournal: UsageJournal, line: string) => void) =>
      vi.spyOn(usageJournal, 'append').mockImplementation((line) => append(usageJournal, line));
    return { recorder, state, metrics, lines, sleep, breakJournal };
  }

  it('does not keep the flusher busy with records that only the log has', async () => {
    const { recorder, state, metrics, lines, sleep, breakJournal } = await withJournal();
    breakJournal(() => {
      throw new Error('no space');
    });
    state.away = true;
    for (let index = 0; index < 10_003; index += 1) recorder.record(record());
    expect(lines.filter((line) => line.message.includes('only in this log line'))).toHaveLength(3);
    expect(await buffered(metrics)).toBe(10_000);
    state.away = false;
    await recorder.flush();
    expect(await buffered(metrics)).toBe(0);
    expect(await stored()).toHaveLength(10_000);
    // Whatever round was under way has ended when the count of rounds stands still.
    let rounds = -1;
    await expect
      .poll(
        () => {
          const before = rounds;
          rounds = sleep.mock.calls.length;
          return rounds - before;
        },
        { interval: 50, timeout: 10_000 },
      )
      .toBe(0);
    await recorder.close();
  });

  it('counts a line that was cut once', async () => {
    const { recorder, state, metrics, breakJournal } = await withJournal();
    state.away = true;
    recorder.record(record({ id: 'usage_whole' }));
    breakJournal((usageJournal, line) => {
      // As a full disk does: half of the line, then the error.
      fs.appendFileSync(join(journal(), String(files().at(-1))), line.slice(0, 30));
      usageJournal.rotate();
      throw new Error('no space');
    });
    recorder.record(record({ id: 'usage_cut' }));
    expect(await buffered(metrics)).toBe(2);
    state.away = false;
    await recorder.flush();
    expect(await buffered(metrics)).toBe(0);
    expect((await stored()).map((row) => row.id).sort()).toEqual(['usage_cut', 'usage_whole']);
    await recorder.close();
  });
});

describe('the repository', () => {
  const at = (second: number) => new Date(Date.UTC(2026, 10, 24, 10, 0, second));

  it('pages newest first, also over equal times, and only within the project', async () => {
    const { recorder } = await open();
    const times = [1, 1, 1, 2, 3];
    for (const [index, second] of times.entries())
      recorder.record(record({ id: `usage_${index}`, createdAt: at(second) }));
    recorder.record(record({ id: 'usage_other', projectId: 'proj_2', createdAt: at(2) }));
    await recorder.close();
    const seen: string[] = [];
    let after: { id: string; createdAt: Date } | undefined;
    for (;;) {
      const [row] = await listUsage(database, { projectId: 'proj_1', after, limit: 1 });
      if (row === undefined) break;
      seen.push(row.id);
      after = await findUsagePosition(database, { projectId: 'proj_1', id: row.id });
    }
    expect(seen).toEqual(['usage_4', 'usage_3', 'usage_2', 'usage_1', 'usage_0']);
    expect(
      await findUsagePosition(database, { projectId: 'proj_1', id: 'usage_other' }),
    ).toBeUndefined();
  });

  it('filters by model and time, and sums', async () => {
    const { recorder } = await open();
    recorder.record(record({ createdAt: at(1) }));
    recorder.record(record({ createdAt: at(2), status: 'failed', promptTokens: 2_000_000_000 }));
    recorder.record(record({ createdAt: at(3), promptTokens: 2_000_000_000, estimated: true }));
    recorder.record(record({ createdAt: at(3), model: 'other' }));
    await recorder.close();
    const filter = { projectId: 'proj_1', from: at(2), to: at(4) };
    expect(await listUsage(database, { ...filter, model: 'm', limit: 10 })).toHaveLength(2);
    expect(await summarizeUsage(database, { ...filter, limit: 10 })).toEqual([
      {
        group_value: 'm',
        requests: 2,
        failed_requests: 1,
        estimated_requests: 1,
        prompt_tokens: 4_000_000_000,
        completion_tokens: 10,
        cached_tokens: 4,
        reasoning_tokens: 2,
        cost_micros: 0,
      },
      {
        group_value: 'other',
        requests: 1,
        failed_requests: 0,
        estimated_requests: 0,
        prompt_tokens: 10,
        completion_tokens: 5,
        cached_tokens: 2,
        reasoning_tokens: 1,
        cost_micros: 0,
      },
    ]);
  });

  it('prepares months once, and leaves alone a month that the default partition holds', async () => {
    const { recorder } = await open();
    recorder.record(record({ createdAt: new Date('2031-02-10T00:00:00Z') }));
    await recorder.close();
    for (let turn = 0; turn < 2; turn += 1)
      await ensureUsagePartitions(database, new Date('2031-01-31T23:59:59Z'), 2);
    const { rows } = await database.execute<{ name: string }>({
      sql: `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'usage_records'::regclass
        and inhrelid::regclass::text like '%2031%' order by 1`,
      parameters: [],
    });
    expect(rows.map((row) => row.name)).toEqual(['usage_records_2031_01', 'usage_records_2031_03']);
    expect(await stored()).toHaveLength(1);
  });
});
