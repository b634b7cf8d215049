import { once } from 'node:events';
import { createServer } from 'node:http';
import { rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { type Application, openApplication } from '../../src/application.ts';
import { loadConfig } from '../../src/config/load.ts';
import { generateApiKey } from '../../src/lib/api-key.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/lib/metrics.ts';
import { openStores } from '../../src/runtime.ts';
import { temporaryFolder } from '../support/database-template.ts';

const PREFIXES = ['/v1', '/api/v1/llm'];
const messages = [{ role: 'user', content: 'hi' }];
const form = () => {
  const body = new FormData();
  body.append('model', 'm');
  body.append('file', new Blob(['RIFF']), 'a.wav');
  return body;
};

/** A call of each inference route, below its prefix. Whoever adds a route adds one here. */
const CALLS: Readonly<Record<string, object | (() => FormData)>> = {
  '/chat/completions': { model: 'm', messages },
  '/completions': { model: 'm', prompt: 'hi' },
  '/embeddings': { model: 'm', input: 'hi' },
  '/messages': { model: 'm', max_tokens: 9, messages },
  '/rerank': { model: 'm', query: 'q', documents: ['a'] },
  '/moderations': { model: 'm', input: 'hi' },
  '/images/generations': { model: 'm', prompt: 'a lamp' },
  '/images/edits': { model: 'm', prompt: 'a lamp' },
  '/audio/speech': { model: 'm', input: 'hi', voice: 'alloy' },
  '/audio/transcriptions': form,
  '/audio/translations': form,
};
/** No model is asked, so there is nothing to record. */
const NO_INFERENCE: readonly string[] = ['/messages/count_tokens'];

const ANSWER = {
  id: 'answer-1',
  object: 'chat.completion',
  model: 'm',
  choices: [
    { index: 0, message: { role: 'assistant', content: 'hi' }, text: 'hi', finish_reason: 'stop' },
  ],
  data: [],
  results: [],
  text: 'hi',
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
};

const folder = temporaryFolder('metered');
const apiKey = generateApiKey();
const headers = { authorization: `Bearer ${apiKey}` };
const upstream = createServer((request, response) => {
  request.resume();
  response.setHeader('content-type', 'application/json');
  const models = request.method === 'GET';
  response.end(JSON.stringify(models ? { object: 'list', data: [{ id: 'm' }] } : ANSWER));
});
let application: Application;
let url: string;

beforeAll(async () => {
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const { port } = upstream.address() as AddressInfo;
  const config = loadConfig({
    LLAMP_DATA_DIR: folder,
    LLAMP_PORT: '0',
    LLAMP_WORKERS: '0',
    LLAMP_BOOTSTRAP_API_KEY: apiKey,
    OPENAI_API_BASE: `http://127.0.0.1:${port}/v1`,
    OPENAI_API_KEY: 'upstream-key',
  });
  const context = { config, log: silentLog, clock: systemClock, metrics: createMetrics() };
  application = await openApplication(await openStores(context, 'server'), context, '1');
  ({ url } = await application.listen());
});

afterAll(async () => {
  await application?.drain.drain();
  upstream.closeAllConnections();
  upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Operation {
  readonly security?: { readonly apiKey?: string[] }[];
}

async function inferenceRoutes(): Promise<string[]> {
  const answer = await fetch(`${url}/openapi.json`);
  const { paths } = (await answer.json()) as { paths: Record<string, { post?: Operation }> };
  return Object.entries(paths)
    .filter(([, { post }]) => post?.security?.some((one) => one.apiKey?.includes('inference')))
    .map(([path]) => path);
}

async function recordedRequests(): Promise<string[]> {
  const answer = await fetch(`${url}/api/v1/usage?limit=100`, { headers });
  const { data } = (await answer.json()) as { data: { request_id: string }[] };
  return data.map((record) => record.request_id);
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

const belowPrefix = (path: string) =>
  path.slice(PREFIXES.find((prefix) => path.startsWith(`${prefix}/`))?.length);

function renamed(call: object | (() => FormData)) {
  if (typeof call !== 'function') return { ...call, model: 'unknown-model' };
  return () => {
    const body = call();
    body.set('model', 'unknown-model');
    return body;
  };
}

async function keyFor(models: string[] | null): Promise<string> {
  const made = await post('/api/v1/keys', { name: 'k', scopes: ['inference'], models });
  return ((await made.json()) as { key: string }).key;
}

function post(path: string, call: object | (() => FormData), key = apiKey) {
  const headers = bearer(key);
  if (typeof call === 'function')
    return fetch(url + path, { method: 'POST', headers, body: call() });
  return fetch(url + path, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(call),
  });
}

test('GW-10 every inference route refuses strangers and writes one usage record', async () => {
  const routes = await inferenceRoutes();
  const expected = PREFIXES.flatMap((prefix) => Object.keys(CALLS).map((path) => prefix + path));
  expect(routes).toEqual(expect.arrayContaining(expected));
  const asked = new Map<string, string>();
  for (const path of routes) {
    const below = belowPrefix(path);
    if (NO_INFERENCE.includes(below)) continue;
    const call = CALLS[below];
    if (call === undefined) throw new Error(`add a call of ${path} to this test`);
    const stranger = await fetch(url + path, { method: 'POST' });
    expect({ path, status: stranger.status }).toEqual({ path, status: 401 });
    const answer = await post(path, call);
    expect({ path, status: answer.status, body: await answer.text() }).toMatchObject({
      path,
      status: 200,
    });
    asked.set(answer.headers.get('x-request-id') ?? '', path);
  }
  expect(asked.size).toBeGreaterThanOrEqual(expected.length);
  await expect.poll(recordedRequests, { timeout: 10_000 }).toHaveLength(asked.size);
  expect((await recordedRequests()).sort()).toEqual([...asked.keys()].sort());
});

test('GW-10 every inference route asks the limits', async () => {
  const body = { scope: 'model', scope_id: 'm', kind: 'requests', amount: 0 };
  const made = await post('/api/v1/limits', body);
  const limit = (await made.json()) as { id: string };
  for (const [path, call] of Object.entries(CALLS)) {
    const answer = await post(`/v1${path}`, call);
    expect({ path, status: answer.status, body: await answer.text() }).toMatchObject({
      path,
      status: 429,
      body: expect.stringContaining('rate_limit'),
    });
  }
  await fetch(`${url}/api/v1/limits/${limit.id}`, { method: 'DELETE', headers });
});

test('ID-3 a model that a key may not name is an unknown one on every inference route', async () => {
  const limited = await keyFor(['another']);
  const everything = await keyFor(null);
  for (const path of await inferenceRoutes()) {
    const call = CALLS[belowPrefix(path)] ?? { model: 'm', messages };
    const refused = await post(path, call, limited);
    const unknown = await post(path, renamed(call), everything);
    const said = (await refused.text()).replace(/"request_id":"[^"]*"/, '');
    expect({ path, status: refused.status, said }).toEqual({
      path,
      status: 404,
      said: (await unknown.text())
        .replace(/"request_id":"[^"]*"/, '')
        .replaceAll('unknown-model', 'm'),
    });
    expect(unknown.status).toBe(404);
    expect(said).toContain('does not exist or you do not have access to it');
  }
  for (const prefix of PREFIXES) {
    const listed = await fetch(`${url}${prefix}/models`, { headers: bearer(limited) });
    expect(await listed.json()).toMatchObject({ data: [] });
    const one = await fetch(`${url}${prefix}/models/m`, { headers: bearer(limited) });
    expect(one.status).toBe(404);
    expect(await one.json()).toMatchObject({ error: { code: 'model_not_found' } });
  }
  const allowed = await keyFor(['m']);
  const listed = await fetch(`${url}/v1/models`, { headers: bearer(allowed) });
  expect(await listed.json()).toMatchObject({ data: [{ id: 'm' }] });
  const answer = await post('/v1/chat/completions', CALLS['/chat/completions'] ?? {}, allowed);
  expect(answer.status).toBe(200);
});

test('ID-3 a key is refused outside its addresses on every inference route, and that is audited', async () => {
  const made = await post('/api/v1/keys', {
    name: 'elsewhere',
    scopes: ['inference'],
    allowed_addresses: ['192.0.2.0/24'],
  });
  const { id, key } = (await made.json()) as { id: string; key: string };
  const routes = await inferenceRoutes();
  for (const path of routes) {
    const answer = await post(path, CALLS[belowPrefix(path)] ?? {}, key);
    expect({ path, status: answer.status, body: await answer.text() }).toMatchObject({
      path,
      status: 403,
      body: expect.stringContaining('127.0.0.1'),
    });
  }
  await expect
    .poll(async () => {
      const query = `action=access.denied&actor_id=${id}&limit=100`;
      const answer = await fetch(`${url}/api/v1/audit?${query}`, { headers });
      const { data } = (await answer.json()) as { data: { resource: { id: string } }[] };
      return data.map(({ resource }) => resource.id).sort();
    })
    .toEqual(routes.map((path) => `POST ${path}`).sort());
});

test('GW-17 a form may be as large as OpenAI takes it, and no larger', async () => {
  const bytes = 1024 * 1024;
  const sized = (megabytes: number) => () => {
    const body = new FormData();
    body.append('model', 'm');
    body.append('file', new Blob([Buffer.alloc(megabytes * bytes)]), 'a.wav');
    return body;
  };
  const taken = await post('/v1/audio/transcriptions', sized(25));
  expect({ status: taken.status, body: await taken.text() }).toMatchObject({ status: 200 });
  const refused = await post('/v1/audio/transcriptions', sized(27));
  expect(refused.status).toBe(413);
  expect(await refused.json()).toMatchObject({ error: { code: 'request_too_large' } });
  const form = await post('/v1/audio/transcriptions', () => new FormData());
  expect({ status: form.status, body: await form.json() }).toMatchObject({
    status: 400,
    body: { error: { code: 'missing_required_parameter', param: 'file' } },
  });
});
