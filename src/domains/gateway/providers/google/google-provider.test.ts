import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  callOf,
  deploymentOf,
  providerServices,
  readStream,
  soon,
  streamFailure,
} from '../../../../../test/support/provider-calls.ts';
import {
  type RecordedAnswer,
  startVendorServer,
  type VendorServer,
} from '../../../../../test/support/vendor-server.ts';
import type { Deployment } from '../../../models/index.ts';
import { openStream } from '../../open-stream.ts';
import { DEFAULT_TIMEOUTS, type Provider, type UpstreamRequest } from '../../provider.ts';
import { googleProvider } from './google-provider.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const fixture = (name: string) =>
  readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8');
const recorded = (name: string): RecordedAnswer => ({
  headers: { 'content-type': 'text/event-stream' },
  body: fixture(name),
});
const answered = (json: unknown): RecordedAnswer => ({
  headers: JSON_TYPE,
  body: JSON.stringify(json),
});

let vendor: VendorServer;
let provider: Provider;
let deployment: Deployment;

beforeAll(async () => {
  vendor = await startVendorServer();
  provider = googleProvider(providerServices());
  deployment = deploymentOf('google', 'gemini-2.5-flash', {
    baseUrl: `${vendor.origin}/v1beta`,
    apiKey: 'key-1',
  });
});

afterAll(async () => {
  await provider.close();
  await vendor.close();
});

const hi = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const chat = (json: Record<string, unknown> = hi, options: Partial<UpstreamRequest> = {}) =>
  callOf(deployment, json, options);
const SIGNED = { extra_content: { google: { thought_signature: 'Z29vZ2xl' } } };
const USAGE = {
  prompt_tokens: 20,
  completion_tokens: 13,
  total_tokens: 33,
  prompt_tokens_details: { cached_tokens: 4 },
  completion_tokens_details: { reasoning_tokens: 5 },
};

describe('GW-11 Google: chat completions as a stream', () => {
  it.each([
    {
      name: 'text.sse',
      deltas: [{ content: 'Hello' }, { content: ', 世界' }, {}],
      finish: 'stop',
      usage: USAGE,
    },
    {
      name: 'length.sse',
      deltas: [{ content: 'Once' }, {}],
      finish: 'length',
      usage: USAGE,
    },
    {
      name: 'safety.sse',
      deltas: [{ content: 'Well' }, {}],
      finish: 'content_filter',
      usage: USAGE,
    },
    {
      name: 'blocked.sse',
      deltas: [{}],
      finish: 'content_filter',
      usage: {
        prompt_tokens: 9,
        completion_tokens: 0,
        total_tokens: 9,
        prompt_tokens_details: { cached_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 0 },
      },
    },
    {
      name: 'thinking.sse',
      deltas: [{ reasoning_content: 'First this.' }, { content: '42' }, {}],
      finish: 'stop',
      usage: USAGE,
    },
  ])('translates $name', async ({ name, deltas, finish, usage }) => {
    vendor.play(recorded(name));
    const read = await readStream(provider, chat());
    expect(read.failure).toBeUndefined();
    expect(read.deltas).toEqual(deltas);
    expect(read).toMatchObject({ finish, done: true });
    expect(read.usage).toEqual(usage);
    expect(vendor.journal[0]).toMatchObject({
      path: '/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse',
      headers: { 'x-goog-api-key': 'key-1' },
    });
  });

  it('gives parallel calls an index and an id each, with their signature', async () => {
    vendor.play(recorded('parallel-tools.sse'));
    const read = await readStream(provider, chat());
    const calls = merged(read.deltas);
    expect(calls).toEqual([
      { name: 'weather', arguments: '{"city":"Paris"}', ...SIGNED },
      { name: 'weather', arguments: '{"city":"Oslo"}' },
      { name: 'now', arguments: '{}' },
    ]);
    expect(read).toMatchObject({ finish: 'tool_calls', done: true, usage: USAGE });
  });

  it.each([
    ['error-first.sse', 503, 'upstream_unavailable'],
    ['malformed-call.sse', 502, 'upstream_error'],
  ])('lets another attempt follow %s', async (name, status, code) => {
    vendor.play(recorded(name));
    const opening = openStream(provider, chat(), DEFAULT_TIMEOUTS);
    await expect(opening).rejects.toMatchObject({ status, code, retryable: true });
  });

  it('tells of an error after the first content, without an end', async () => {
    vendor.play(recorded('error-midway.sse'));
    const read = await readStream(provider, chat());
    expect(read.deltas).toEqual([{ content: 'Hello' }]);
    expect(read).toMatchObject({ done: false, failure: { code: 'upstream_unavailable' } });
  });

  it.each(['end', 'reset'] as const)('makes no end of a stream that is cut by %s', async (then) => {
    vendor.play({ ...recorded('cut.sse'), then });
    const read = await readStream(provider, chat());
    expect(read.deltas).toEqual([{ content: 'Hello' }]);
    expect(read).toMatchObject({ done: false });
    expect(read.finish).not.toBe('stop');
    if (then === 'reset') expect(read.failure).toMatchObject({ code: 'upstream_error' });
  });

  it('closes the socket of an aborted stream', async () => {
    const client = new AbortController();
    vendor.play({ ...recorded('cut.sse'), then: 'hang' });
    const reason = new Error('the client is gone');
    const answer = await provider.stream(chat(hi, { signal: client.signal }));
    await answer.chunks.next();
    const next = answer.chunks.next();
    client.abort(reason);
    await expect(next).rejects.toBe(reason);
    expect(await soon(() => vendor.journal[0]?.aborted === true)).toBe(true);
  });
});

describe('GW-11 Google: chat completions at once', () => {
  it('answers with a chat completion', async () => {
    vendor.play({ headers: JSON_TYPE, body: fixture('content.json') });
    const { json } = await provider.complete(chat());
    expect(json).toMatchObject({
      object: 'chat.completion',
      model: 'm',
      usage: USAGE,
      choices: [
        {
          finish_reason: 'tool_calls',
          message: {
            role: 'assistant',
            content: 'Looking.',
            reasoning_content: 'Thinking.',
            tool_calls: [
              { type: 'function', function: { name: 'weather', arguments: '{"city":"Paris"}' } },
            ],
          },
        },
      ],
    });
    expect(json['choices']).toMatchObject([{ message: { tool_calls: [SIGNED] } }]);
  });

  it('sends the whole conversation in the dialect of the vendor', async () => {
    vendor.play({ headers: JSON_TYPE, body: fixture('content.json') });
    const called = { name: 'weather', arguments: '{"city":"Paris"}' };
    await provider.complete(
      chat({
        model: 'm',
        max_tokens: 100,
        temperature: 1.5,
        top_p: 0.9,
        seed: 7,
        stop: ['A', 'B'],
        reasoning_effort: 'low',
        tool_choice: 'required',
        tools: [WEATHER],
        messages: [
          { role: 'developer', content: 'Be brief.' },
          {
            role: 'user',
            content: [
              { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
              { type: 'image_url', image_url: { url: 'https://example.com/a.webp' } },
            ],
          },
          {
            role: 'assistant',
            tool_calls: [
              { id: 'c1', type: 'function', function: called, ...SIGNED },
              { id: 'c2', type: 'function', function: called },
            ],
          },
          { role: 'tool', tool_call_id: 'c1', content: 'sun' },
          { role: 'tool', tool_call_id: 'c2', content: 'rain' },
        ],
      }),
    );
    expect(vendor.journal[0]?.path).toBe('/v1beta/models/gemini-2.5-flash:generateContent');
    expect(vendor.journal[0]?.json).toMatchObject({
      systemInstruction: { parts: [{ text: 'Be brief.' }] },
      generationConfig: {
        maxOutputTokens: 100,
        temperature: 1.5,
        topP: 0.9,
        seed: 7,
        stopSequences: ['A', 'B'],
        thinkingConfig: { includeThoughts: true },
      },
      toolConfig: { functionCallingConfig: { mode: 'ANY' } },
      contents: [
        {
          role: 'user',
          parts: [
            { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } },
            { fileData: { mimeType: 'image/webp', fileUri: 'https://example.com/a.webp' } },
          ],
        },
        {
          role: 'model',
          parts: [
            {
              functionCall: { name: 'weather', args: { city: 'Paris' } },
              thoughtSignature: 'Z29vZ2xl',
            },
            { functionCall: { name: 'weather', args: { city: 'Paris' } } },
          ],
        },
        {
          role: 'user',
          parts: [
            { functionResponse: { name: 'weather', response: { content: 'sun' } } },
            { functionResponse: { name: 'weather', response: { content: 'rain' } } },
          ],
        },
      ],
    });
  });

  it.each([
    [{ type: 'json_object' }, { responseMimeType: 'application/json' }],
    [
      {
        type: 'json_schema',
        json_schema: { name: 's', schema: { type: 'object', properties: {} } },
      },
      { responseMimeType: 'application/json' },
    ],
  ])('asks for %j', async (response_format, generationConfig) => {
    vendor.play({ headers: JSON_TYPE, body: fixture('content.json') });
    await provider.complete(chat({ ...hi, response_format }));
    expect(vendor.journal[0]?.json).toMatchObject({ generationConfig });
  });

  it.each([
    ['wrong-key.json', 400, { status: 502, code: 'upstream_authentication_failed' }],
    ['quota.json', 429, { status: 429, retryAfterMs: 34_000, retryable: true }],
  ])('maps %s', async (name, status, expected) => {
    vendor.play({ status, headers: JSON_TYPE, body: fixture(name) });
    await expect(provider.complete(chat())).rejects.toMatchObject(expected);
    expect(await streamFailure(provider, chat())).toMatchObject(expected);
    expect(vendor.journal).toHaveLength(2);
  });

  it.each([
    [{ parallel_tool_calls: false }, 'parallel_tool_calls'],
    [{ n: 2 }, 'n'],
  ])('refuses %j', async (fields, param) => {
    vendor.play(recorded('text.sse'));
    const expected = { status: 400, param, code: 'unsupported_parameter' };
    await expect(provider.complete(chat({ ...hi, ...fields }))).rejects.toMatchObject(expected);
    expect(vendor.journal).toHaveLength(0);
  });
});

describe('GW-11 Google: embeddings', () => {
  const embeddings = (json: Record<string, unknown>) =>
    chat({ model: 'm', ...json }, { endpoint: 'embeddings' });

  it('embeds one text, with the tokens that the vendor counted', async () => {
    vendor.play(
      answered({ embedding: { values: [0.5, -1] }, usageMetadata: { promptTokenCount: 3 } }),
    );
    const { json } = await provider.complete(embeddings({ input: 'a', dimensions: 2 }));
    expect(json).toEqual({
      object: 'list',
      model: 'm',
      data: [{ object: 'embedding', index: 0, embedding: [0.5, -1] }],
      usage: { prompt_tokens: 3, total_tokens: 3 },
    });
    expect(vendor.journal[0]).toMatchObject({
      path: '/v1beta/models/gemini-2.5-flash:embedContent',
      json: { content: { parts: [{ text: 'a' }] }, outputDimensionality: 2 },
    });
  });

  it('embeds many in their order, as base64 of little-endian floats, counting nothing itself', async () => {
    const batch = (from: number, count: number) =>
      answered({ embeddings: Array.from({ length: count }, (_, i) => ({ values: [from + i] })) });
    vendor.play(batch(0, 100));
    const input = Array.from({ length: 100 }, (_, index) => `text ${index}`);
    const { json } = await provider.complete(embeddings({ input, encoding_format: 'base64' }));
    const data = json['data'] as { index: number; embedding: string }[];
    const values = data.map((one) => Buffer.from(one.embedding, 'base64').readFloatLE());
    expect(values).toEqual(input.map((_, index) => index));
    expect(json).not.toHaveProperty('usage');
  });

  it('refuses token numbers and counts its vectors', async () => {
    vendor.play(answered({ embeddings: [{ values: [1] }] }));
    await expect(provider.complete(embeddings({ input: [1, 2] }))).rejects.toMatchObject({
      status: 400,
      param: 'input',
    });
    await expect(provider.complete(embeddings({ input: ['a', 'b'] }))).rejects.toMatchObject({
      status: 502,
    });
  });
});

const WEATHER = {
  type: 'function',
  function: {
    name: 'weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
  },
};

interface ToolDelta {
  readonly index: number;
  readonly id?: string;
  readonly type?: string;
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

/** Tool calls as a client puts them together; each delta must be one that strict clients accept. */
function merged(deltas: readonly unknown[]) {
  const calls: Record<string, unknown>[] = [];
  const ids = new Set<string>();
  for (const delta of deltas as { tool_calls?: ToolDelta[] }[]) {
    for (const { index, id, type, function: called, ...extra } of delta.tool_calls ?? []) {
      if (id !== undefined) {
        expect(type).toBe('function');
        expect(index).toBe(calls.length);
        expect(ids.has(id)).toBe(false);
        ids.add(id);
        calls.push({ name: called?.name, arguments: '' });
      }
      const call = calls[index] ?? {};
      call['arguments'] = `${String(call['arguments'])}${called?.arguments ?? ''}`;
      Object.assign(call, extra);
    }
  }
  return calls;
}
