import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { BUILTIN_CHAT_MODEL } from '../../src/domains/gateway/index.ts';
import { freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';
import {
  callJson,
  type OpenedApplication,
  openedApplication,
  type ServedDatabase,
} from '../support/opened-application.ts';

describe('guardrails on PGlite', () => guardrailTests(async () => ({})));
describeWithLegs('guardrails on PostgreSQL', ['postgres'], ({ postgres }) =>
  guardrailTests(() => freshPostgres(postgres)),
);

function guardrailTests(fresh: () => Promise<ServedDatabase>): void {
  let application: OpenedApplication;

  beforeAll(async () => {
    application = await openedApplication('guardrails', await fresh());
  });

  afterAll(() => application?.close());

  async function call(method: string, path: string, body?: object) {
    const { url, apiKey: credential } = application;
    const { status, text } = await callJson(url + path, { method, credential, body });
    return { status, json: JSON.parse(text) };
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
    const { rows } = await application.stores.database.execute({
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
