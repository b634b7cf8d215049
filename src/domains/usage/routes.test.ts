import { fastify, type FastifyInstance } from 'fastify';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../adapters/clock/system.ts';
import { openPgliteDatabase } from '../../adapters/database/pglite.ts';
import { silentLog } from '../../lib/log.ts';
import { createMetrics } from '../../lib/metrics.ts';
import type { Database } from '../../ports/database.ts';
import { databaseTemplate, temporaryFolder } from '../../../test/support/database-template.ts';
import { createUsageSchema } from '../../../test/support/usage-schema.ts';
import { usageRoutes } from './routes.ts';
import { openUsageRecorder } from './usage-recorder.ts';

let folder: string;
let database: Database;
let app: FastifyInstance;
let projectId = 'proj_1';

beforeAll(async () => {
  folder = temporaryFolder('usage-routes');
  const directory = join(folder, 'database');
  const templateDirectory = await databaseTemplate();
  database = await openPgliteDatabase({ directory, templateDirectory, log: silentLog });
  await createUsageSchema(database);
  await fill();
  app = fastify();
  app.decorateRequest('principal', null);
  app.addHook('onRequest', async (request) => {
    const scopes = ['management' as const];
    request.principal = { kind: 'api_key', organizationId: 'o', projectId, apiKeyId: 'k', scopes };
  });
  await app.register(usageRoutes, { prefix: '/api/v1', database });
});

afterAll(async () => {
  await app.close();
  await database.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

async function fill() {
  const recorder = await openUsageRecorder({
    database,
    journalDirectory: join(folder, 'journal'),
    clock: systemClock,
    log: silentLog,
    metrics: createMetrics(),
  });
  for (let index = 0; index < 5; index += 1) {
    recorder.record({
      id: `usage_${index}`,
      projectId: 'proj_1',
      apiKeyId: 'k',
      requestId: 'r',
      endpoint: 'embeddings',
      model: index === 0 ? 'rare' : 'usual',
      deployment: 'd',
      status: 'completed',
      streamed: false,
      promptTokens: 1,
      completionTokens: 0,
      cachedTokens: 0,
      reasoningTokens: 0,
      upstreamUsage: null,
      estimated: false,
      firstTokenMs: null,
      durationMs: 1,
      createdAt: new Date(1_700_000_000_000 + index * 1000),
    });
  }
  await recorder.close();
}

const get = async (url: string) => {
  const answer = await app.inject(`/api/v1${url}`);
  return { status: answer.statusCode, body: answer.json() };
};

describe('GET /usage', () => {
  it('pages to the end with the id of the last record', async () => {
    const first = await get('/usage?limit=3');
    expect(first.body).toMatchObject({
      object: 'list',
      has_more: true,
      first_id: 'usage_4',
      last_id: 'usage_2',
    });
    const second = await get('/usage?limit=3&after=usage_2');
    expect(second.body).toMatchObject({ has_more: false, first_id: 'usage_1', last_id: 'usage_0' });
    expect(second.body.data[1]).toMatchObject({
      object: 'usage.record',
      created_at: 1_700_000_000,
    });
  });

  it('filters by model and time', async () => {
    const { body } = await get('/usage?model=usual&start_time=1700000002&end_time=1700000004');
    expect(body.data.map((one: { id: string }) => one.id)).toEqual(['usage_3', 'usage_2']);
  });

  it('knows nothing of other projects', async () => {
    projectId = 'proj_2';
    expect((await get('/usage')).body).toMatchObject({ data: [], first_id: null, has_more: false });
    expect((await get('/usage?after=usage_2')).body).toMatchObject({
      code: 'usage_record_not_found',
    });
    projectId = 'proj_1';
  });
});

describe('GET /usage/summary', () => {
  it('sums by model', async () => {
    const { body } = await get('/usage/summary');
    expect(body.data).toMatchObject([
      { object: 'usage.summary', model: 'usual', requests: 4, prompt_tokens: 4 },
      { object: 'usage.summary', model: 'rare', requests: 1, prompt_tokens: 1 },
    ]);
  });

  it('sums by day and by key', async () => {
    const days = await get('/usage/summary?group_by=day');
    expect(days.body.data).toMatchObject([{ day: '2023-11-14', requests: 5, cost_micros: 0 }]);
    const keys = await get('/usage/summary?group_by=api_key&model=usual');
    expect(keys.body.data).toMatchObject([{ api_key_id: 'k', requests: 4 }]);
  });
});
