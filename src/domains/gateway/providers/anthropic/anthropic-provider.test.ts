import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  callOf,
  deploymentOf,
  providerServices,
  readBytes,
  readStream,
  readToDone,
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
import { DEFAULT_TIMEOUTS, type UpstreamRequest } from '../../provider.ts';
import { AnthropicProvider } from './anthropic-provider.ts';

const SSE = { 'content-type': 'text/event-stream' };
const JSON_TYPE = { 'content-type': 'application/json' };
const fixture = (name: string) =>
  readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8');
const recorded = (name: string): RecordedAnswer => ({ headers: SSE, body: fixture(name) });
const failed = (status: number, type: string, message: string, headers = {}): RecordedAnswer => ({
  status,
  headers: { ...JSON_TYPE, ...headers },
  body: JSON.stringify({ type: 'error', error: { type, message } }),
});

let vendor: VendorServer;
let provider: AnthropicProvider;
let deployment: Deployment;

beforeAll(async () => {
  vendor = await startVendorServer();
  provider = new AnthropicProvider(providerServices());
  deployment = deploymentOf('anthropic', 'claude-sonnet-4-5', {
    baseUrl: `${vendor.origin}/v1`,
    apiKey: 'sk-ant-1',
  });
});

afterAll(async () => {
  await provider.close();
  await vendor.close();
});

const hi = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const chat = (json: Record<string, unknown> = hi, options: Partial<UpstreamRequest> = {}) =>
  callOf(deployment, json, options);
const sent = () => vendor.journal[0]?.json as Record<string, unknown>;

const USAGE = {
  prompt_tokens: 135,
  completion_tokens: 15,
  total_tokens: 150,
  prompt_tokens_details: { cached_tokens: 100, cache_creation_tokens: 10 },
  completion_tokens_details: { reasoning_tokens: 0 },
};

describe('GW-11 Anthropic: chat completions as a stream', () => {
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
      usage: { ...USAGE, completion_tokens: 1, total_tokens: 136 },
    },
    {
      name: 'refusal.sse',
      deltas: [{}],
      finish: 'content_filter',
      usage: { ...USAGE, completion_tokens: 0, total_tokens: 135 },
    },
    {
      name: 'parallel-tools.sse',
      deltas: [
        { content: 'Looking.' },
        toolStart(0, 'toolu_1', 'weather'),
        toolInput(0, '{"city":'),
        toolInput(0, ' "Paris"}'),
        toolStart(1, 'toolu_2', 'weather'),
        toolInput(1, '{"city":"Oslo"}'),
        toolStart(2, 'toolu_3', 'now'),
        toolInput(2, '{}'),
        {},
      ],
      finish: 'tool_calls',
      usage: { ...USAGE, completion_tokens: 89, total_tokens: 224 },
    },
    {
      name: 'thinking.sse',
      deltas: [
        { reasoning_content: 'First ' },
        { reasoning_content: 'this.' },
        {
          thinking_blocks: [{ type: 'thinking', thinking: 'First this.', signature: 'c2lnbmVk' }],
        },
        { thinking_blocks: [{ type: 'redacted_thinking', data: 'aGlkZGVu' }] },
        { content: '42' },
        {},
      ],
      finish: 'stop',
      usage: {
        ...USAGE,
        completion_tokens: 60,
        total_tokens: 195,
        completion_tokens_details: { reasoning_tokens: 55 },
      },
    },
  ])('translates $name', async ({ name, deltas, finish, usage }) => {
    vendor.play(recorded(name));
    const read = await readStream(provider, chat());
    expect(read.failure).toBeUndefined();
    expect(read.deltas).toEqual(deltas);
    expect(read).toMatchObject({ finish, usage, done: true });
    expect(read.usage).toEqual(usage);
  });

  it('writes whole events of one envelope, the role first', async () => {
    vendor.play(recorded('text.sse'));
    const { events } = await readStream(provider, chat(hi, { usageAsked: true }));
    const { id, created } = events[0] ?? {};
    expect(id).toMatch(/^chatcmpl-\w{24}$/);
    expect(created).toSatisfy(Number.isInteger);
    const common = { id, created, object: 'chat.completion.chunk', model: 'm' };
    const choice = (delta: object, finish_reason: string | null) => ({
      ...common,
      usage: null,
      choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    });
    expect(events).toEqual([
      choice({ role: 'assistant', content: '', refusal: null }, null),
      choice({ content: 'Hello' }, null),
      choice({ content: ', 世界' }, null),
      choice({}, 'stop'),
      { ...common, choices: [], usage: USAGE },
    ]);
  });

  it.each([
    ['error-first.sse', 503, 'upstream_unavailable'],
    ['error-before-content.sse', 503, 'upstream_unavailable'],
  ])('lets another attempt follow %s', async (name, status, code) => {
    vendor.play(recorded(name));
    const opening = openStream(provider, chat(), DEFAULT_TIMEOUTS);
    await expect(opening).rejects.toMatchObject({ status, code, retryable: true });
  });

  it('tells of an error after the first content, without an end', async () => {
    vendor.play(recorded('error-midway.sse'));
    const read = await readStream(provider, chat());
    expect(read.deltas).toEqual([{ content: 'Hello' }]);
    expect(read.failure).toMatchObject({ code: 'upstream_error', retryable: true });
    expect(read.done).toBe(false);
  });

  it.each(['end', 'reset'] as const)('makes no end of a stream that is cut by %s', async (then) => {
    vendor.play({ ...recorded('cut.sse'), then });
    const read = await readStream(provider, chat());
    expect(read.deltas).toEqual([{ content: 'Hello' }, { content: ', 世界' }]);
    expect(read).toMatchObject({ done: false, finish: null });
    if (then === 'reset') expect(read.failure).toMatchObject({ code: 'upstream_error' });
  });

  it.each([
    ['before the head', { silent: true }],
    ['before the first event', { headers: SSE, then: 'hang' }],
  ] as const)('closes the socket of an aborted stream %s', async (_name, answer) => {
    const client = new AbortController();
    vendor.play(answer);
    const reason = new Error('the client is gone');
    const failure = streamFailure(provider, chat(hi, { signal: client.signal }));
    await expect.poll(() => vendor.journal.length).toBe(1);
    client.abort(reason);
    expect(await soon(() => vendor.journal[0]?.aborted === true)).toBe(true);
    expect(await failure).toBe(reason);
  });

  it('closes the socket of a running stream when it is aborted or released', async () => {
    for (const leave of ['abort', 'release'] as const) {
      const client = new AbortController();
      vendor.play({ ...recorded('cut.sse'), then: 'hang' });
      const answer = await provider.stream(chat(hi, { signal: client.signal }));
      expect((await answer.chunks.next()).value?.toString()).toContain('Hello');
      if (leave === 'abort') client.abort(new Error('the client is gone'));
      else answer.release(false);
      expect(await soon(() => vendor.journal[0]?.aborted === true)).toBe(true);
    }
  });

  it('uses the connection of a complete stream again', async () => {
    vendor.play(recorded('text.sse'));
    const calls = 6;
    for (let call = 0; call < calls; call += 1) await readToDone(provider, chat());
    expect(vendor.journal).toHaveLength(calls);
    // A socket may still be busy with its last bytes when the next call comes, so not all of them share one.
    expect(new Set(vendor.journal.map(({ port }) => port)).size).toBeLessThan(calls);
    expect(vendor.journal.some(({ aborted }) => aborted)).toBe(false);
  });

  it('lets the last bytes of a complete stream come after its end', async () => {
    vendor.play({ ...recorded('text.sse'), then: 'hang' });
    await readToDone(provider, chat());
    expect(await soon(() => vendor.journal[0]?.aborted === true)).toBe(false);
  });
});

describe('GW-11 Anthropic: chat completions at once', () => {
  it('answers with a chat completion', async () => {
    vendor.play({ headers: JSON_TYPE, body: fixture('message.json') });
    const { json, body, headers } = await provider.complete(chat());
    expect(JSON.parse(body.toString())).toEqual(json);
    expect(headers['content-type']).toBe('application/json');
    expect(json).toEqual({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      created: expect.any(Number),
      model: 'm',
      choices: [
        {
          index: 0,
          logprobs: null,
          finish_reason: 'tool_calls',
          message: {
            role: 'assistant',
            content: 'Looking.',
            refusal: null,
            annotations: [],
            reasoning_content: 'Two cities.',
            thinking_blocks: [{ type: 'thinking', thinking: 'Two cities.', signature: 'c2lnbmVk' }],
            tool_calls: [
              {
                id: 'toolu_1',
                type: 'function',
                function: { name: 'weather', arguments: '{"city":"Paris"}' },
              },
              { id: 'toolu_2', type: 'function', function: { name: 'now', arguments: '{}' } },
            ],
          },
        },
      ],
      usage: {
        prompt_tokens: 37,
        completion_tokens: 40,
        total_tokens: 77,
        prompt_tokens_details: { cached_tokens: 7, cache_creation_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 0 },
      },
    });
  });

  it('sends the whole conversation in the dialect of the vendor', async () => {
    vendor.play({ headers: JSON_TYPE, body: fixture('message.json') });
    await provider.complete(
      chat({
        model: 'm',
        max_completion_tokens: 100,
        temperature: 0.5,
        stop: 'END',
        user: 'u1',
        parallel_tool_calls: false,
        tool_choice: { type: 'function', function: { name: 'weather' } },
        tools: [WEATHER],
        messages: [
          { role: 'system', content: 'Be brief.' },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'Which?' },
              { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
              { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
            ],
          },
          {
            role: 'assistant',
            content: null,
            thinking_blocks: [{ type: 'thinking', thinking: 'Hm.', signature: 'c2ln' }],
            tool_calls: [call('toolu_1', '{"city":"Paris"}'), call('toolu_2', '{"city":"Oslo"}')],
          },
          { role: 'tool', tool_call_id: 'toolu_1', content: 'sun' },
          {
            role: 'tool',
            tool_call_id: 'toolu_2',
            content: [{ type: 'text', text: 'snow' }],
          },
          { role: 'developer', content: 'In French.' },
        ],
      }),
    );
    expect(vendor.journal[0]).toMatchObject({
      path: '/v1/messages',
      headers: { 'x-api-key': 'sk-ant-1', 'anthropic-version': '2023-06-01' },
    });
    expect(sent()).toMatchObject({
      model: 'claude-sonnet-4-5',
      max_tokens: 100,
      temperature: 0.5,
      stop_sequences: ['END'],
      metadata: { user_id: 'u1' },
      system: [
        { type: 'text', text: 'Be brief.' },
        { type: 'text', text: 'In French.' },
      ],
      tool_choice: { type: 'tool', name: 'weather', disable_parallel_tool_use: true },
      tools: [{ name: 'weather', input_schema: WEATHER.function.parameters }],
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Which?' },
            { source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } },
            { source: { type: 'url', url: 'https://example.com/a.png' } },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'Hm.', signature: 'c2ln' },
            { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Paris' } },
            { type: 'tool_use', id: 'toolu_2', name: 'weather', input: { city: 'Oslo' } },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'toolu_1' },
            { type: 'tool_result', tool_use_id: 'toolu_2' },
          ],
        },
      ],
    });
  });

  it('says what this one model could not be told', async () => {
    vendor.play({ headers: JSON_TYPE, body: fixture('message.json') });
    const json = { ...hi, temperature: 0.5, top_p: 0.5 };
    const { headers } = await provider.complete(chat(json));
    expect(headers['x-llamp-ignored']).toBe('top_p');
  });

  it.each([
    [failed(400, 'invalid_request_error', 'prompt is too long'), 400, false, undefined],
    [failed(401, 'authentication_error', 'invalid x-api-key'), 502, false, undefined],
    [failed(403, 'permission_error', 'no'), 502, false, undefined],
    [failed(404, 'not_found_error', 'model: x'), 404, false, undefined],
    [failed(429, 'rate_limit_error', 'slow', { 'retry-after': '7' }), 429, true, 7_000],
    [failed(500, 'api_error', 'oops'), 502, true, undefined],
    [failed(529, 'overloaded_error', 'Overloaded'), 503, true, undefined],
    [{ then: 'reset' as const }, 502, true, undefined],
  ])('maps failure %#', async (answer, status, retryable, retryAfterMs) => {
    vendor.play(answer);
    const expected = { status, retryable, retryAfterMs, name: 'UpstreamFailure' };
    await expect(provider.complete(chat())).rejects.toMatchObject(expected);
    expect(await streamFailure(provider, chat())).toMatchObject(expected);
  });

  it('passes on the words of a 400, and keeps those about a credential', async () => {
    vendor.play(failed(400, 'invalid_request_error', 'prompt is too long'));
    const refused = { message: 'prompt is too long', type: 'invalid_request_error' };
    await expect(provider.complete(chat())).rejects.toMatchObject(refused);
    vendor.play(failed(401, 'authentication_error', 'sk-ant-1 is wrong'));
    await expect(provider.complete(chat())).rejects.not.toMatchObject({
      message: expect.stringContaining('sk-ant'),
    });
  });

  it.each(['<html>', '{"type":"message"}', ''])('calls %j no answer', async (body) => {
    vendor.play({ headers: JSON_TYPE, body });
    const expected = { status: 502, code: 'upstream_error', retryable: true };
    await expect(provider.complete(chat())).rejects.toMatchObject(expected);
  });

  it('asks once, whatever the SDK would retry', async () => {
    vendor.play(failed(529, 'overloaded_error', 'Overloaded'));
    await expect(provider.complete(chat())).rejects.toMatchObject({ status: 503 });
    expect(vendor.journal).toHaveLength(1);
  });

  it('says that nobody is there', async () => {
    const gone = deploymentOf('anthropic', 'claude', {
      baseUrl: 'http://127.0.0.1:1/v1',
      apiKey: 'k',
    });
    await expect(provider.complete(callOf(gone, hi))).rejects.toMatchObject({
      status: 503,
      code: 'upstream_unavailable',
      retryable: true,
    });
  });

  it('takes no key from the environment', async () => {
    const keyless = deploymentOf('anthropic', 'claude', { baseUrl: `${vendor.origin}/v1` });
    vendor.play(recorded('text.sse'));
    await expect(provider.complete(callOf(keyless, hi))).rejects.toMatchObject({
      code: 'upstream_authentication_failed',
    });
    expect(vendor.journal).toHaveLength(0);
  });

  it('closes the socket of an aborted call', async () => {
    const client = new AbortController();
    vendor.play({ headers: JSON_TYPE, body: '{', then: 'hang' });
    const reason = new Error('the client is gone');
    const answer = provider.complete(chat(hi, { signal: client.signal }));
    const failure = answer.catch((error: unknown) => error);
    await expect.poll(() => vendor.journal.length).toBe(1);
    client.abort(reason);
    expect(await soon(() => vendor.journal[0]?.aborted === true)).toBe(true);
    expect(await failure).toBe(reason);
  });
});

describe('GW-11 Anthropic: what cannot be expressed is a 400', () => {
  const user = (content: unknown) => ({ messages: [{ role: 'user', content }] });
  it.each([
    [{ n: 2 }, 'n'],
    [{ logprobs: true }, 'logprobs'],
    [{ top_logprobs: 3 }, 'top_logprobs'],
    [{ logit_bias: { 1: 2 } }, 'logit_bias'],
    [{ modalities: ['text', 'audio'] }, 'modalities'],
    [{ audio: { voice: 'a' } }, 'audio'],
    [{ prediction: {} }, 'prediction'],
    [{ web_search_options: {} }, 'web_search_options'],
    [{ functions: [] }, 'functions'],
    [{ seed: 1 }, 'seed'],
    [{ frequency_penalty: 0.5 }, 'frequency_penalty'],
    [{ presence_penalty: -1 }, 'presence_penalty'],
    [{ temperature: 1.5 }, 'temperature'],
    [{ response_format: { type: 'json_object' } }, 'response_format'],
    [{ response_format: { type: 'grammar' } }, 'response_format.type'],
    [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema'],
    [{ reasoning_effort: 'enormous' }, 'reasoning_effort'],
    [{ tools: [{ type: 'custom', custom: {} }] }, 'tools[0].type'],
    [{ tools: [{ type: 'function' }] }, 'tools[0].function'],
    [namedTool('other'), 'tool_choice.function.name'],
    [user([{ type: 'input_audio', input_audio: {} }]), 'messages[0].content[0].type'],
    [user([{ type: 'file', file: { file_id: 'f' } }]), 'messages[0].content[0].file.file_id'],
    [user([image('ftp://x/y')]), 'messages[0].content[0].image_url.url'],
    [user([image('data:image/png,x')]), 'messages[0].content[0].image_url.url'],
    [user([image('no url')]), 'messages[0].content[0].image_url.url'],
    [{ messages: [{ role: 'function', content: 'x' }] }, 'messages[0].role'],
    [{ messages: [{ role: 'tool', tool_call_id: 'x', content: '' }] }, 'messages[0].tool_call_id'],
    [
      { messages: [{ role: 'assistant', tool_calls: [call('a', '{"cut')] }] },
      'messages[0].tool_calls[0].function.arguments',
    ],
  ])('%j', async (fields, param) => {
    vendor.play(recorded('text.sse'));
    const request = chat({ ...hi, ...fields });
    const expected = { status: 400, param, retryable: false };
    await expect(provider.complete(request)).rejects.toMatchObject(expected);
    await expect(provider.stream(request)).rejects.toMatchObject(expected);
    expect(vendor.journal).toHaveLength(0);
  });

  it('takes what only looks special', async () => {
    vendor.play(recorded('text.sse'));
    const plain = {
      n: 1,
      logprobs: false,
      top_logprobs: null,
      logit_bias: {},
      modalities: ['text'],
      frequency_penalty: 0,
      presence_penalty: 0,
      seed: null,
      response_format: { type: 'text' },
      tools: [],
      tool_choice: 'auto',
      store: false,
      metadata: { a: 'b' },
    };
    expect(await readStream(provider, chat({ ...hi, ...plain }))).toMatchObject({ done: true });
    expect(Object.keys(sent())).toEqual(['model', 'max_tokens', 'messages', 'stream']);
  });

  it('refuses endpoints that Anthropic has not', async () => {
    const embeddings = chat({ model: 'm', input: 'x' }, { endpoint: 'embeddings' });
    await expect(provider.complete(embeddings)).rejects.toMatchObject({
      code: 'unsupported_endpoint',
      param: 'model',
    });
  });
});

describe('GW-11 Anthropic: messages in its own dialect', () => {
  const bytes = Buffer.from('{ "max_tokens": 12345678901234567890, "model":"m", "messages":[] }');
  const json = JSON.parse(bytes.toString()) as Record<string, unknown>;
  const headers = { 'anthropic-version': '2024-01-01', 'anthropic-beta': 'a,b' };

  it('passes the bytes of a stream on, in both directions', async () => {
    vendor.play(recorded('thinking.sse'));
    const answer = await provider.stream(chat(json, { endpoint: 'messages', bytes, headers }));
    expect(await readBytes(answer)).toEqual({ bytes: fixture('thinking.sse'), failure: undefined });
    answer.release(true);
    expect(vendor.journal[0]).toMatchObject({
      path: '/v1/messages',
      text: bytes.toString().replace('"m"', '"claude-sonnet-4-5"'),
      headers: { ...headers, 'x-api-key': 'sk-ant-1' },
    });
    expect(vendor.journal[0]?.headers).not.toHaveProperty('authorization');
  });

  it('passes the bytes of an answer on', async () => {
    const limits = { 'anthropic-ratelimit-requests-limit': '50' };
    vendor.play({ headers: { ...JSON_TYPE, ...limits }, body: fixture('message.json') });
    const same = { ...deployment, upstreamModel: 'm' };
    const answer = await provider.complete(callOf(same, json, { endpoint: 'messages', bytes }));
    expect(answer.body.toString()).toBe(fixture('message.json'));
    expect(answer.headers).toMatchObject(limits);
    expect(vendor.journal[0]).toMatchObject({
      text: bytes.toString(),
      headers: { 'anthropic-version': '2023-06-01' },
    });
  });
});

const WEATHER = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'The weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
  },
};

function namedTool(name: string) {
  return { tools: [WEATHER], tool_choice: { type: 'function', function: { name } } };
}

function image(url: string) {
  return { type: 'image_url', image_url: { url } };
}

function call(id: string, input: string) {
  return { id, type: 'function', function: { name: 'weather', arguments: input } };
}

function toolStart(index: number, id: string, name: string) {
  return { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] };
}

function toolInput(index: number, input: string) {
  return { tool_calls: [{ index, function: { arguments: input } }] };
}
