import { readFileSync } from 'node:fs';
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { deploymentNamed, modelNamed } from '../../../../test/support/routed-deployments.ts';
import {
  type BareGateway,
  startBareGateway,
} from '../../../../test/support/scripted-provider/bare-gateway.ts';
import { textOf, usageOf } from '../../../../test/support/scripted-provider/content.ts';
import {
  type ScriptedProvider,
  startScriptedProvider,
} from '../../../../test/support/scripted-provider.ts';
import {
  type RecordedAnswer,
  startVendorServer,
  type VendorServer,
} from '../../../../test/support/vendor-server.ts';
import { AppError } from '../../../lib/app-error.ts';
import type { Model } from '../../models/index.ts';

let provider: ScriptedProvider;
let vendor: VendorServer;
let gateway: BareGateway;

const fixture = (name: string) =>
  readFileSync(new URL(`../providers/anthropic/fixtures/${name}`, import.meta.url), 'utf8');
const recorded = (name: string, then: 'end' | 'reset' = 'end'): RecordedAnswer => ({
  headers: { 'content-type': 'text/event-stream', 'anthropic-ratelimit-requests-limit': '50' },
  body: fixture(name),
  then,
});

beforeAll(async () => {
  provider = await startScriptedProvider({ models: ['m'] });
  vendor = await startVendorServer();
  const chat = deploymentNamed('chat', { endpoint: provider });
  const native = deploymentNamed('native', {
    provider: 'anthropic',
    upstreamModel: 'claude-1',
    serves: new Set(['chat.completions', 'messages']),
    endpoint: { baseUrl: `${vendor.origin}/v1`, apiKey: 'sk-ant' },
  });
  const models = new Map<string, Model>(
    [
      modelNamed('m', [chat]),
      modelNamed('claude', [native]),
      modelNamed('mixed', [native, { ...chat, tier: 1 }]),
      modelNamed('words', [deploymentNamed('embedder', { serves: new Set(['embeddings']) })]),
    ].map((model) => [model.name, model]),
  );
  const catalogue = {
    find: (name: string) => models.get(name),
    list: () => [...models.values()],
    resolve: async (name: string) => {
      const message = `The model '${name}' does not exist.`;
      throw new AppError({ code: 'model_not_found', status: 404, message, param: 'model' });
    },
  };
  gateway = await startBareGateway({ catalogue, keepAliveMs: 200 });
});

afterEach(() => {
  gateway.records.length = 0;
  provider.journal.length = 0;
  provider.clearQueue();
});

afterAll(async () => {
  await gateway.close();
  await provider.close();
  await vendor.close();
});

const ask = (model: string, fields: object = {}) => ({
  model,
  max_tokens: 64,
  messages: [{ role: 'user' as const, content: '你好' }],
  ...fields,
});
const post = (body: object | string, headers: Record<string, string> = {}) =>
  gateway.post('/messages', body, {
    headers: { 'content-type': 'application/json', ...headers },
  });
const client = () =>
  new Anthropic({
    baseURL: gateway.baseUrl.replace(/\/v1$/, ''),
    apiKey: 'key',
    maxRetries: 0,
  });
const USAGE = { input_tokens: 8, cache_read_input_tokens: 3, output_tokens: 4 };

describe('GW-16 messages over a model of another dialect', () => {
  it('are whole, with the upstream’s own usage in the record', async () => {
    const message = await client().messages.create(ask('m'));
    expect(message).toMatchObject({
      content: [{ type: 'text', text: textOf(4) }],
      stop_reason: 'end_turn',
      usage: USAGE,
    });
    expect(message._request_id).toEqual(expect.any(String));
    expect(gateway.records).toMatchObject([
      {
        endpoint: 'messages',
        model: 'm',
        deployment: 'chat',
        status: 'completed',
        streamed: false,
        promptTokens: 11,
        completionTokens: 4,
        cachedTokens: 3,
        reasoningTokens: 2,
        upstreamUsage: usageOf(4),
        estimated: false,
      },
    ]);
    expect(provider.journal.at(-1)?.path).toBe('/v1/chat/completions');
  });

  it('stream, with the upstream’s own usage in the record', async () => {
    const stream = client().messages.stream(ask('m'));
    expect(await stream.finalMessage()).toMatchObject({
      content: [{ type: 'text', text: textOf(4) }],
      stop_reason: 'end_turn',
      usage: USAGE,
    });
    expect(gateway.records).toMatchObject([
      {
        endpoint: 'messages',
        status: 'completed',
        streamed: true,
        promptTokens: 11,
        completionTokens: 4,
        upstreamUsage: usageOf(4),
        estimated: false,
      },
    ]);
    expect(gateway.records[0]?.firstTokenMs).toEqual(expect.any(Number));
  });

  it.each([false, true])('flag an estimate where nothing was reported (%s)', async (stream) => {
    provider.queue({ fault: 'no-usage', frames: 5 });
    await (await post(ask('m', { stream }))).text();
    expect(gateway.records).toMatchObject([{ estimated: true, upstreamUsage: null }]);
    expect(gateway.records[0]?.completionTokens).toBeGreaterThanOrEqual(4);
  });

  it.each(['status-500', 'reset', 'error-first', 'html-200'] as const)(
    'get over one %s',
    async (fault) => {
      for (const stream of [false, true]) {
        provider.queue({ fault });
        const answer = await post(ask('m', { stream }));
        expect(answer.status).toBe(200);
        expect(await answer.text()).toContain('Hello');
        expect(answer.headers.get('x-llamp-attempts')).toBe('2');
      }
    },
  );

  it.each(['cut', 'early-end', 'error-later', 'malformed-frame'] as const)(
    'end a broken stream with an error: %s',
    async (fault) => {
      provider.queue({ fault, frames: 2 });
      const text = await (await post(ask('m', { stream: true }))).text();
      expect(text).toContain('Hello');
      expect(text).not.toContain('message_stop');
      const [error] = text.split('\n\n').slice(-2);
      expect(error).toMatch(/^event: error\ndata: \{"type":"error","error":\{"type":"api_error"/);
      expect(gateway.records).toMatchObject([{ status: 'truncated' }]);
    },
  );

  it('bridge silence with pings', async () => {
    provider.queue({ delayMs: 700 });
    const text = await (await post(ask('m', { stream: true }))).text();
    expect(text).toMatch(/^event: ping\ndata: \{"type": "ping"\}\n\nevent: /);
    expect(text).toContain('event: message_stop');
  });

  it('end the upstream call of a client that goes away', async () => {
    provider.queue({ fault: 'stall', frames: 2 });
    const gone = new AbortController();
    const answer = await gateway.post('/messages', ask('m', { stream: true }), {
      signal: gone.signal,
      headers: { 'content-type': 'application/json' },
    });
    await answer.body?.getReader().read();
    gone.abort();
    await provider.waitFor((journal) => journal.at(-1)?.abortedMs !== undefined);
    await expect.poll(() => gateway.records).toMatchObject([{ status: 'aborted' }]);
  });

  it('say what the model did not hear of', async () => {
    const answer = await post(ask('m', { context_management: {} }));
    expect(answer.headers.get('x-llamp-ignored')).toBe('context_management');
  });

  it('ID-7 are answered whatever the names of unknown fields are', async () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`n${index}`, 1]));
    const odd = { 'a\0\r\nx: y': 1, 模型: 1, ['x'.repeat(9_000)]: 1, ...many };
    const answer = await post(ask('m', odd));
    expect(answer.status).toBe(200);
    const ignored = answer.headers.get('x-llamp-ignored') ?? '';
    expect(ignored).toMatch(/^[\w., -]{1,2000}$/);
    expect(ignored).toContain('a_x_y');
  });
});

describe('GW-16 messages over Anthropic itself', () => {
  const headers = { 'anthropic-version': '2024-01-01', 'anthropic-beta': 'a,b', 'x-other': '1' };

  it.each([
    ['text.sse', 6],
    ['thinking.sse', 60],
    ['parallel-tools.sse', 89],
    ['refusal.sse', 0],
  ])('pass the bytes of %s in both directions', async (name, completionTokens) => {
    vendor.play(recorded(name));
    const body = `{ "stream":true,"x_new":1.50, "model":"claude-1","max_tokens":9,"messages":[{"role":"user","content":"\\u4f60"}]}`;
    const answer = await post(body.replace('claude-1', 'claude'), headers);
    expect(await answer.text()).toBe(fixture(name));
    expect(answer.headers.get('anthropic-ratelimit-requests-limit')).toBe('50');
    expect(vendor.journal[0]).toMatchObject({
      path: '/v1/messages',
      text: body,
      headers: {
        'anthropic-version': '2024-01-01',
        'anthropic-beta': 'a,b',
        'x-api-key': 'sk-ant',
      },
    });
    expect(vendor.journal[0]?.headers).not.toHaveProperty('x-other');
    const [record] = gateway.records;
    expect(record).toMatchObject({
      endpoint: 'messages',
      deployment: 'native',
      status: 'completed',
    });
    expect(record).toMatchObject({ promptTokens: 135, cachedTokens: 100, estimated: false });
    if (name !== 'text.sse') expect(record).toMatchObject({ completionTokens });
  });

  it('pass an answer that is no stream', async () => {
    vendor.play({
      headers: { 'content-type': 'application/json' },
      body: fixture('message.json'),
    });
    expect(await (await post(ask('claude'))).text()).toBe(fixture('message.json'));
    expect(gateway.records).toMatchObject([
      { promptTokens: 37, completionTokens: 40, cachedTokens: 7, estimated: false },
    ]);
  });

  it('try again before the first content', async () => {
    vendor.play(recorded('error-before-content.sse'), recorded('text.sse'));
    const answer = await post(ask('claude', { stream: true }));
    expect(await answer.text()).toBe(fixture('text.sse'));
    expect(answer.headers.get('x-llamp-attempts')).toBe('2');
  });

  it('show an error in the middle as it is', async () => {
    vendor.play(recorded('error-midway.sse'));
    const text = await (await post(ask('claude', { stream: true }))).text();
    expect(text).toBe(fixture('error-midway.sse'));
    expect(gateway.records).toMatchObject([{ status: 'truncated', promptTokens: 135 }]);
  });

  it.each(['end', 'reset'] as const)('tell of a stream that is cut by %s', async (then) => {
    vendor.play(recorded('cut.sse', then));
    const stream = client().messages.stream(ask('claude'));
    await expect(stream.finalMessage()).rejects.toThrow(/upstream/i);
    expect(gateway.records).toMatchObject([{ status: 'truncated' }]);
  });

  it('go to a deployment of another dialect when it fails', async () => {
    vendor.play({ status: 529, body: '{"type":"error","error":{"type":"overloaded_error"}}' });
    for (const stream of [false, true]) {
      const answer = await post(ask('mixed', { stream }));
      expect(answer.headers.get('x-llamp-deployment')).toBe('chat');
      expect(await answer.text()).toContain('Hello');
    }
  });
});

describe('GW-16 errors in the words of Anthropic', () => {
  it.each([
    ['{', 400, 'invalid_request_error', 'invalid_json', null],
    [{ model: 'm' }, 400, 'invalid_request_error', 'missing_required_parameter', 'messages'],
    [ask('nobody'), 404, 'not_found_error', 'model_not_found', 'model'],
    [ask('words'), 400, 'invalid_request_error', 'unsupported_endpoint', 'model'],
    [
      ask('m', { tools: [{ type: 'bash_20250124', name: 'bash' }] }),
      400,
      'invalid_request_error',
      'unsupported_parameter',
      'tools[0].type',
    ],
  ])('%j', async (body, status, type, error_code, param) => {
    const answer = await post(body);
    expect(answer.status).toBe(status);
    const id = answer.headers.get('x-request-id');
    expect(answer.headers.get('request-id')).toBe(id);
    expect(await answer.json()).toEqual({
      type: 'error',
      error: { type, message: expect.any(String), details: { error_code, param } },
      request_id: id,
    });
  });

  it.each([
    ['status-429', 429, 'rate_limit_error'],
    ['status-401', 502, 'api_error'],
    ['status-503', 503, 'overloaded_error'],
  ] as const)('of an upstream: %s', async (fault, status, type) => {
    provider.queue({ fault }, { fault });
    const answer = await post(ask('m', { stream: true }));
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ type: 'error', error: { type } });
  });

  it('for a body that is nested too deeply', async () => {
    const deep = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
    const use = `{"type":"tool_use","id":"a","name":"b","input":${deep}}`;
    const answer = await post(
      `{"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":[${use}]}]}`,
    );
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { details: { param: 'messages' } } });
  });
});

describe('GW-16 counting tokens', () => {
  it.each(['m', 'claude'])('asks nobody (%s)', async (model) => {
    const { messages } = ask(model);
    const counted = await client().messages.countTokens({ model, messages, system: 'Be brief.' });
    expect(counted.input_tokens).toBeGreaterThan(4);
    expect(counted.input_tokens).toBeLessThan(20);
    expect(provider.journal).toEqual([]);
    expect(gateway.records).toEqual([]);
  });

  it('knows its models', async () => {
    const answer = await gateway.post('/messages/count_tokens', ask('nobody'));
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: { type: 'not_found_error' } });
  });
});
