import { expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { readSpending } from '../../src/domains/usage/limits/budget-repository.ts';
import { budgetWindow, type LimitRow } from '../../src/domains/usage/limits/limit.ts';
import { insertUsageLines, listUsage } from '../../src/domains/usage/repository.ts';
import type { UsageRecord } from '../../src/domains/usage/usage-record.ts';
import { lineOfRecord } from '../../src/domains/usage/usage-row.ts';
import type { Database } from '../../src/ports/database.ts';
import { limitMaker } from '../support/limits-instance.ts';

const NOW = new Date('2026-11-25T12:00:00Z');
const clock = { ...systemClock, now: () => NOW };
const OPTIONS = { timeoutMs: 10_000 };

/** What is spent is the sum of the records, each once, in the windows of UTC. */
export function describeBudgetSpending(databaseOf: () => Database): void {
  const spentOf = async (limit: LimitRow, at = NOW) => {
    const budget = { limitId: limit.id, start: budgetWindow(limit.period, at).start };
    return (await readSpending(databaseOf(), [budget], OPTIONS))[0];
  };
  const insert = (...records: Partial<UsageRecord>[]) =>
    insertUsageLines(databaseOf(), records.map(record).map(lineOfRecord), OPTIONS);
  const create = (...parameters: Parameters<ReturnType<typeof limitMaker>>) =>
    limitMaker(databaseOf(), clock)(...parameters);

  it('GW-8 counts each record once, also when a journal is written again in parts', async () => {
    const budgets = [
      await create({ kind: 'money', amount: 1, period: 'day' }),
      await create({ kind: 'money', amount: 1, period: 'month' }),
      await create({ kind: 'money', amount: 1, period: 'total' }),
    ];
    const lines = Array.from({ length: 500 }, (_, index) => ({
      ...record({ id: `usage_${index}`, costMicros: index + 1 }),
    })).map(lineOfRecord);
    const write = (from: number, to: number) =>
      insertUsageLines(databaseOf(), lines.slice(from, to), OPTIONS);
    await write(0, 200);
    await Promise.all([write(100, 300), write(150, 350), write(0, 500), write(250, 500)]);
    await write(0, 500);
    for (const budget of budgets) expect(await spentOf(budget)).toBe((500 * 501) / 2);
  });

  it('GW-8 adds nothing of a batch that is rolled back', async () => {
    const budget = await create({ kind: 'money', amount: 1, period: 'total' });
    const failing = databaseOf().transaction(async (transaction) => {
      await insertUsageLines(transaction, [lineOfRecord(record({ costMicros: 5 }))], OPTIONS);
      throw new Error('killed before its commit');
    });
    await expect(failing).rejects.toThrow('killed');
    expect(await spentOf(budget)).toBe(0);
  });

  it('keeps the windows of UTC and the scopes apart', async () => {
    const money = { kind: 'money', amount: 1 } as const;
    const day = await create({ ...money, period: 'day' });
    const month = await create({ ...money, period: 'month' });
    const key = await create({ ...money, period: 'day', scope: 'api_key', scope_id: 'key_2' });
    const keyModel = await create({
      ...money,
      period: 'day',
      scope: 'api_key',
      scope_id: 'key_2',
      model: 'x',
    });
    const model = await create({ ...money, period: 'day', scope: 'model', scope_id: 'x' });
    const user = await create({ ...money, period: 'day', scope: 'user', scope_id: 'user_1' });
    await insert(
      { costMicros: 1 },
      { costMicros: 10, createdAt: new Date('2026-11-24T23:59:59.999Z') },
      { costMicros: 100, createdAt: new Date('2026-11-25T00:00:00Z'), apiKeyId: 'key_2' },
      { costMicros: 1_000, apiKeyId: 'key_2', model: 'x' },
      { costMicros: 10_000, projectId: 'proj_2', model: 'x', userId: 'user_1' },
      { costMicros: 100_000, projectId: 'proj_3', model: 'x', userId: 'user_1' },
      { costMicros: null },
    );
    expect(await spentOf(day)).toBe(1_101);
    expect(await spentOf(day, new Date('2026-11-24T01:00:00Z'))).toBe(10);
    expect(await spentOf(month)).toBe(1_111);
    expect(await spentOf(key)).toBe(1_100);
    expect(await spentOf(keyModel)).toBe(1_000);
    expect(await spentOf(model)).toBe(11_000);
    expect(await spentOf(user)).toBe(10_000);
  });

  it('loses no record that is written while a budget is being made', async () => {
    const writes = Array.from({ length: 20 }, (_, index) =>
      insert({ id: `usage_race_${index}`, costMicros: 1 }),
    );
    const budget = await create({ kind: 'money', amount: 1, period: 'day' });
    await Promise.all(writes);
    await insert({ costMicros: 1 });
    expect(await spentOf(budget)).toBe(21);
  });

  it('takes lines of the journal of the release before', async () => {
    const now = JSON.parse(lineOfRecord(record({ id: 'usage_old' }))) as Record<string, unknown>;
    const later = ['user_id', 'deployment_id', 'attempts', 'cache_write_tokens', 'cost_micros'];
    later.push('audio_input_tokens', 'audio_output_tokens', 'price_version', 'response_cached');
    for (const field of later) delete now[field];
    await insertUsageLines(databaseOf(), [JSON.stringify(now)], OPTIONS);
    const rows = await listUsage(databaseOf(), { projectId: 'proj_1', limit: 10 });
    expect(rows[0]).toMatchObject({
      id: 'usage_old',
      attempts: 1,
      cost_micros: null,
      cache_write_tokens: 0,
      response_cached: false,
      user_id: null,
    });
  });

  it('GW-8 keeps every field of a record', async () => {
    await insert({
      userId: 'user_1',
      deploymentId: 'dep_1',
      attempts: 3,
      cacheWriteTokens: 4,
      audioInputTokens: 5,
      audioOutputTokens: 6,
      costMicros: 7_000_000_000_000,
      priceVersion: 'price_1',
      responseCached: true,
    });
    const rows = await listUsage(databaseOf(), { projectId: 'proj_1', limit: 10 });
    expect(rows[0]).toMatchObject({
      user_id: 'user_1',
      deployment_id: 'dep_1',
      attempts: 3,
      cache_write_tokens: 4,
      audio_input_tokens: 5,
      audio_output_tokens: 6,
      cost_micros: 7_000_000_000_000,
      price_version: 'price_1',
      response_cached: true,
    });
  });
}

function record(fields: Partial<UsageRecord>): UsageRecord {
  return {
    id: systemClock.newId('usage_'),
    projectId: 'proj_1',
    apiKeyId: 'key_1',
    requestId: 'req_1',
    endpoint: 'chat.completions',
    model: 'm',
    deployment: 'd',
    status: 'completed',
    streamed: false,
    promptTokens: 1,
    completionTokens: 1,
    cachedTokens: 0,
    reasoningTokens: 0,
    upstreamUsage: null,
    estimated: false,
    firstTokenMs: null,
    durationMs: 1,
    createdAt: NOW,
    ...fields,
  };
}
