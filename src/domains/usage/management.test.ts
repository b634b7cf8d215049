import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryEphemeralStore } from '../../adapters/ephemeral-store/memory.ts';
import { type FreshDatabase, freshPglite } from '../../../test/support/fresh-databases.ts';
import { openLimitsInstance, PRINCIPAL } from '../../../test/support/limits-instance.ts';
import { createUsageSchema } from '../../../test/support/usage-schema.ts';
import { buildServer, type HttpServer } from '../../http/server.ts';
import { silentLog } from '../../lib/log.ts';
import { createMetrics } from '../../lib/metrics.ts';
import type { Database } from '../../ports/database.ts';
import type { Limits } from './index.ts';

let fresh: FreshDatabase;
let database: Database;
let limits: Limits;
let server: HttpServer;

beforeAll(async () => {
  fresh = await freshPglite();
  database = await fresh.open();
  await createUsageSchema(database);
  const shared = createMemoryEphemeralStore({ log: silentLog });
  limits = await openLimitsInstance({ database, shared });
  server = await buildServer({
    version: '1',
    log: silentLog,
    metrics: createMetrics(),
    authenticate: (key) => ({
      kind: 'api_key',
      ...PRINCIPAL,
      organizationId: key === 'foreign' ? 'org_2' : 'org_1',
      scopes: ['management'],
    }),
    health: { results: async () => [] },
    isDraining: () => false,
    completeSetup: async () => {
      throw new Error('not here');
    },
    domains: [{ plugin: limits.routes, prefixes: ['/api/v1'] }],
    config: {
      trustedProxies: [],
      publicUrl: undefined,
      bodyMaxBytes: 65_536,
      fileMaxBytes: 65_536,
    },
  });
});

beforeEach(async () => {
  await database.executeScript(
    'delete from limits; delete from prices; delete from price_versions',
  );
  await limits.refresh();
});

afterAll(async () => {
  await server?.app.close();
  await limits?.close();
  await database?.close();
  await fresh?.dispose();
});

async function call(
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body?: object,
  key = 'own',
) {
  const headers = { authorization: `Bearer ${key}` };
  const answer = await server.app.inject({ method, url: `/api/v1${path}`, headers, payload: body });
  return { status: answer.statusCode, json: answer.json(), headers: answer.headers };
}

const LIMIT = { scope: 'project', scope_id: 'proj_1', kind: 'requests', amount: 5 };
const admit = (model = 'm') =>
  limits.enforcer.admit({
    principal: PRINCIPAL,
    model,
    estimatedTokens: 1,
    estimatedCostMicros: 1,
    signal: new AbortController().signal,
  });

describe('/api/v1/limits', () => {
  it('makes, shows, changes and deletes a limit, in force at once', async () => {
    const made = await call('POST', '/limits', LIMIT);
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({ object: 'limit', ...LIMIT, model: null, period: 'minute' });
    const { id } = made.json as { id: string };
    expect((await admit()).headers['x-ratelimit-limit-requests']).toBe('5');
    expect((await call('PATCH', `/limits/${id}`, { amount: 1 })).json).toMatchObject({ amount: 1 });
    await expect(admit()).rejects.toMatchObject({ code: 'rate_limit_exceeded' });
    expect((await call('GET', `/limits/${id}`)).json).toMatchObject({ id, amount: 1 });
    expect((await call('DELETE', `/limits/${id}`)).json).toEqual({
      id,
      object: 'limit.deleted',
      deleted: true,
    });
    expect((await admit()).headers).toEqual({});
    expect((await call('GET', `/limits/${id}`)).json.error).toMatchObject({
      code: 'limit_not_found',
      param: 'limit_id',
    });
  });

  it('shows what a budget spent', async () => {
    const budget = { ...LIMIT, kind: 'money', amount: 1_000_000, period: 'month' };
    const made = await call('POST', '/limits', budget);
    expect(made.json).toMatchObject({ spent: 0 });
  });

  it('pages, filters, and shows nothing of other organizations', async () => {
    for (const [kind, model] of [
      ['requests', 'a'],
      ['tokens', 'a'],
      ['requests', 'b'],
    ]) {
      await call('POST', '/limits', { ...LIMIT, kind, model });
    }
    await call('POST', '/limits', { ...LIMIT, scope: 'model', scope_id: 'a' });
    const first = await call('GET', '/limits?limit=2&scope=project&scope_id=proj_1');
    expect(first.json).toMatchObject({ object: 'list', has_more: true });
    const after = first.json.last_id as string;
    const second = await call('GET', `/limits?limit=2&scope=project&after=${after}`);
    expect(second.json).toMatchObject({ has_more: false });
    expect(second.json.data).toHaveLength(1);
    expect((await call('GET', '/limits', undefined, 'foreign')).json.data).toEqual([]);
    const foreign = await call('GET', `/limits/${after}`, undefined, 'foreign');
    expect(foreign.status).toBe(404);
    expect((await call('GET', '/limits?after=lim_x')).json.error).toMatchObject({
      code: 'limit_cursor_not_found',
      param: 'after',
    });
  });

  it.each([
    ['scope', { ...LIMIT, scope: 'team' }],
    ['scope_id', { ...LIMIT, scope_id: 'proj_3' }],
    ['scope_id', { ...LIMIT, scope: 'api_key', scope_id: 'other' }],
    ['scope_id', { ...LIMIT, scope: 'organization', scope_id: 'org_2' }],
    ['kind', { ...LIMIT, kind: 'calls' }],
    ['amount', { ...LIMIT, amount: -1 }],
    ['amount', { ...LIMIT, amount: 1.5 }],
    ['amount', { ...LIMIT, amount: '5' }],
    ['period', { ...LIMIT, period: 'day' }],
    ['period', { ...LIMIT, kind: 'money' }],
    ['period', { ...LIMIT, kind: 'money', period: 'minute' }],
    ['period', { ...LIMIT, kind: 'parallel', period: 'minute' }],
    ['model', { ...LIMIT, scope: 'model', scope_id: 'm', model: 'm' }],
    ['window', { ...LIMIT, window: 'minute' }],
    ['amount', { scope: 'project', scope_id: 'proj_1', kind: 'tokens' }],
  ])('refuses a wrong %s: %j', async (param, body) => {
    const answer = await call('POST', '/limits', body);
    expect(answer.status).toBe(400);
    expect(answer.json.error).toMatchObject({ param });
  });

  it('has one limit of a kind and period for each scope', async () => {
    await call('POST', '/limits', LIMIT);
    const second = await call('POST', '/limits', { ...LIMIT, amount: 9 });
    expect(second.status).toBe(409);
    expect(second.json.error).toMatchObject({ code: 'limit_exists' });
    expect(second.headers['x-should-retry']).toBe('false');
    expect((await call('POST', '/limits', { ...LIMIT, model: 'm' })).status).toBe(201);
  });
});

describe('/api/v1/prices', () => {
  const prices = [
    { model: 'gpt-5', input: 1_250_000, output: 10_000_000, cached_input: 125_000 },
    { model: 'llama*', input: 0, output: 0, request: 3 },
  ];
  const counts = { promptTokens: 1_000, cachedTokens: 400, completionTokens: 100 };

  it('puts a whole list in force, and an earlier one again', async () => {
    expect((await call('GET', '/prices')).json.error).toMatchObject({ code: 'no_prices' });
    const first = await call('PUT', '/prices', { prices, note: 'first' });
    expect(first.json).toMatchObject({ object: 'price_version', active: true, note: 'first' });
    expect(first.json.prices[0]).toMatchObject({ model: 'gpt-5', reasoning: null, request: 0 });
    const { id } = first.json as { id: string };
    const cost = { costMicros: 600 * 1.25 + 400 * 0.125 + 100 * 10, priceVersion: id };
    expect(limits.prices.costMicros('gpt-5', counts)).toEqual(cost);
    const second = await call('PUT', '/prices', {
      prices: [{ model: 'gpt-5', input: 1, output: 1 }],
    });
    expect(limits.prices.costMicros('gpt-5', counts)).toEqual({
      costMicros: 1,
      priceVersion: second.json.id,
    });
    expect((await call('GET', `/prices/versions/${id}`)).json).toMatchObject({ active: false });
    const versions = await call('GET', '/prices/versions');
    expect(versions.json.data).toMatchObject([
      { id: second.json.id, active: true },
      { id, active: false },
    ]);
    const again = await call('POST', `/prices/versions/${id}/activate`);
    expect(again.json).toMatchObject({ id, active: true });
    expect(limits.prices.costMicros('gpt-5', counts)).toEqual(cost);
    expect((await call('GET', '/prices')).json).toMatchObject({ id });
  });

  it.each([
    ['prices[1].model', { prices: [prices[0], prices[0]] }],
    ['prices[0].model', { prices: [{ ...prices[0], model: 'g*t' }] }],
    ['prices[0].output', { prices: [{ model: 'm', input: 1 }] }],
    ['prices[0].input', { prices: [{ ...prices[0], input: 0.5 }] }],
    ['prices[0].input', { prices: [{ ...prices[0], input: 1_000_000_001 }] }],
    ['prices[0].currency', { prices: [{ ...prices[0], currency: 'USD' }] }],
    ['prices', {}],
  ])('refuses a list with a wrong %s and keeps the one in force', async (param, body) => {
    await call('PUT', '/prices', { prices });
    const answer = await call('PUT', '/prices', body);
    expect(answer.status).toBe(400);
    expect(answer.json.error).toMatchObject({ param });
    expect(limits.prices.costMicros('gpt-5', counts).costMicros).toBe(1_800);
    expect((await call('GET', '/prices/versions')).json.data).toHaveLength(1);
  });

  it('knows no version that is not there', async () => {
    const answer = await call('POST', '/prices/versions/price_x/activate');
    expect(answer.json.error).toMatchObject({
      code: 'price_version_not_found',
      param: 'version_id',
    });
  });
});
