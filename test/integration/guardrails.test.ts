import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { type Application, openApplication } from '../../src/application.ts';
import { loadConfig } from '../../src/config/load.ts';
import { BUILTIN_CHAT_MODEL } from '../../src/domains/gateway/index.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/lib/metrics.ts';
import { migrateDatabase, openStores } from '../../src/runtime.ts';
import type { Database } from '../../src/ports/database.ts';
import { temporaryFolder } from '../support/database-template.ts';
import { freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';
import { newFirstApiKey } from '../support/servers/first-api-key.ts';

describe('guardrails on PGlite', () => guardrailTests(async () => ({})));
describeWithLegs('guardrails on PostgreSQL', ['postgres'], ({ postgres }) =>
  guardrailTests(() => freshPostgres(postgres)),
);

function guardrailTests(
  fresh: () => Promise<{ url?: string; dispose?: () => Promise<void> }>,
): void {
  const folder = temporaryFolder('guardrails');
  const apiKey = newFirstApiKey();
  let made: Awaited<ReturnType<typeof fresh>>;
  let database: Database;
  let application: Application;
  let url: string;

  beforeAll(async () => {
    made = await fresh();
    const config = loadConfig({
      LLAMP_DATA_DIR: folder,
      LLAMP_PORT: '0',
      LLAMP_WORKERS: '0',
      LLAMP_BOOTSTRAP_API_KEY: apiKey,
      LLAMP_SECRET_KEY: randomBytes(32).toString('base64'),
      ...(made.url === undefined ? {} : { DATABASE_URL: made.url }),
    });
    const context = { config, log: silentLog, clock: systemClock, metrics: createMetrics() };
    if (made.url !== undefined) await migrateDatabase(context);
    const stores = await openStores(context, 'server');
    ({ database } = stores);
    application = await openApplication(stores, context, '1');
    ({ url } = await application.listen());
  });

  afterAll(async () => {
    await application?.drain.drain();
    await made?.dispose?.();
    rmSync(folder, { recursive: true, force: true });
  });

  async function call(method: string, path: string, body?: object) {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, json: JSON.parse(await response.text()) };
  }
  const ask = (content: string) =>
    call('POST', '/v1/chat/completions', {
      model: BUILTIN_CHAT_MODEL,
      messages: [{ role: 'user', content }],
    });
  const create = (body: object) => call('POST', '/api/v1/guardrails', body);

  test('GW-19 a guardrail is in force at once, changed and taken away at once', async () => {
    const { status, json } = await create({
      name: 'personal',
      kind: 'personal_data',
      action: 'mask',
      types: ['phone'],
    });
    expect(status).toBe(201);
    expect(json).toMatchObject({
      scope: 'organization',
      stages: ['input', 'output'],
      enabled: true,
    });
    const answered = await ask('The phone is 13812345678. What is the phone?');
    expect(answered.status).toBe(200);
    expect(JSON.stringify(answered.json)).not.toContain('13812345678');
    const path = `/api/v1/guardrails/${json.id}`;
    expect((await call('PATCH', path, { action: 'deny' })).json).toMatchObject({ action: 'deny' });
    expect(await ask('13812345678')).toMatchObject({
      status: 400,
      json: { error: { code: 'content_filter' } },
    });
    expect((await call('POST', `${path}/test`, { text: 'x 13812345678' })).json).toMatchObject({
      text: 'x [PHONE]',
      matches: [{ start: 2, end: 13, label: 'PHONE' }],
    });
    expect((await call('DELETE', path)).json).toMatchObject({ deleted: true });
    expect((await ask('13812345678')).status).toBe(200);
    expect((await call('GET', path)).status).toBe(404);
  });

  test('GW-19 each decision is written down, without the text', async () => {
    const { json } = await create({
      name: 'flagged',
      kind: 'keywords',
      action: 'flag',
      words: ['炸弹'],
    });
    expect((await ask('炸弹 unheard-of')).status).toBe(200);
    const events = await vi.waitFor(async () => {
      const found = await call(
        'GET',
        `/api/v1/audit?resource_id=${json.id}&action=guardrails.flag`,
      );
      expect(found.json.data.length).toBeGreaterThan(0);
      return found.json.data;
    }, 5_000);
    expect(events.at(-1)).toMatchObject({
      outcome: 'success',
      reason: 'input: KEYWORD 1',
      request_id: expect.any(String),
    });
    expect(JSON.stringify(events)).not.toMatch(/炸弹|unheard-of/);
    await call('DELETE', `/api/v1/guardrails/${json.id}`);
  });

  test('GW-19 one of a project is for that project alone', async () => {
    const { json: project } = await call('POST', '/api/v1/projects', { name: 'guarded' });
    const { json } = await create({
      name: 'there',
      scope: 'project',
      scope_id: project.id,
      kind: 'secrets',
      action: 'deny',
    });
    expect((await ask(`key sk-${'ab'.repeat(20)}`)).status).toBe(200);
    await call('DELETE', `/api/v1/guardrails/${json.id}`);
  });

  test.each([
    [{ kind: 'patterns', patterns: ['('] }, 'patterns'],
    [{ kind: 'patterns', patterns: ['(?=x)'] }, 'patterns'],
    [{ kind: 'patterns' }, 'patterns'],
    [{ kind: 'secrets', words: ['x'] }, 'words'],
    [{ kind: 'personal_data', types: ['shoe_size'] }, 'types[0]'],
    [{ kind: 'secrets', scope: 'project', scope_id: 'proj_missing' }, 'scope_id'],
    [{ kind: 'secrets', scope: 'api_key' }, 'scope_id'],
    [{ kind: 'secrets', name: 'white space' }, 'name'],
    [{ kind: 'json_schema', schema: { properties: { a: { pattern: 'x' } } } }, 'schema'],
    [{ kind: 'json_schema', schema: {}, action: 'mask' }, 'action'],
    [{ kind: 'webhook' }, 'url'],
    [{ kind: 'webhook', url: 'file:///etc/passwd' }, 'url'],
    [{ kind: 'webhook', url: 'http://169.254.169.254/x' }, 'url'],
    [{ kind: 'secrets', secret: 'x'.repeat(20) }, 'secret'],
  ])('GW-19 %j is refused', async (given, param) => {
    const answer = await create({ name: 'wrong', action: 'deny', ...given });
    expect(answer).toMatchObject({ status: 400, json: { error: { param } } });
  });

  test('GW-19 the secret of a webhook is sealed and never shown', async () => {
    const secret = 'webhook-secret-0123456789';
    const url = 'https://hook.example.invalid/check';
    const { json } = await create({ name: 'hook', kind: 'webhook', action: 'deny', url, secret });
    expect(json).toMatchObject({ kind: 'webhook', url, has_secret: true });
    const path = `/api/v1/guardrails/${json.id}`;
    expect(await ask('hello')).toMatchObject({
      status: 503,
      json: { error: { code: 'guardrail_unavailable' } },
    });
    const patched = await call('PATCH', path, { on_failure: 'allow', secret: null });
    expect(patched.json).toMatchObject({ has_secret: false, on_failure: 'allow', url });
    expect((await ask('hello')).status).toBe(200);
    const { json: audited } = await call('GET', `/api/v1/audit?resource_id=${json.id}`);
    const { rows } = await database.execute({
      sql: 'select secret from guardrails where id = $1',
      parameters: [json.id],
    });
    expect(JSON.stringify([json, patched, audited, rows])).not.toContain(secret);
    await call('DELETE', path);
  });

  test('GW-19 a name is there once', async () => {
    const body = { name: 'twice', kind: 'secrets', action: 'flag' };
    expect((await create(body)).status).toBe(201);
    expect(await create(body)).toMatchObject({
      status: 409,
      json: { error: { code: 'guardrail_exists', param: 'name' } },
    });
  });
}
