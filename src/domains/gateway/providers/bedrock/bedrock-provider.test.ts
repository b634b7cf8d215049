import { readFileSync } from 'node:fs';
import { EventStreamCodec } from '@smithy/eventstream-codec';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  callOf,
  deploymentOf,
  providerServices,
  readStream,
  soon,
} from '../../../../../test/support/provider-calls.ts';
import {
  type RecordedAnswer,
  startVendorServer,
  type VendorServer,
} from '../../../../../test/support/vendor-server.ts';
import type { Deployment } from '../../../models/index.ts';
import { openStream } from '../../open-stream.ts';
import { DEFAULT_TIMEOUTS, type Provider, type UpstreamRequest } from '../../provider.ts';
import { bedrockProvider } from './bedrock-provider.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const EVENTS = { 'content-type': 'application/vnd.amazon.eventstream' };
const CLAUDE = 'anthropic.claude-sonnet-4-5-20250929-v1:0';
const fixture = (name: string) =>
  readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8');
const recorded = (name: string): RecordedAnswer => ({
  headers: EVENTS,
  body: eventStream(fixture(name)),
});

let vendor: VendorServer;
let provider: Provider;
let deployment: Deployment;

const AWS = {
  region: 'eu-west-1',
  accessKeyId: 'AKIA1',
  secretAccessKey: 'secret',
  sessionToken: 'token',
};
const at = (upstreamModel: string, credential: object = { aws: AWS }) =>
  deploymentOf('bedrock', upstreamModel, { baseUrl: vendor.origin, ...credential });

beforeAll(async () => {
  vendor = await startVendorServer();
  provider = bedrockProvider(providerServices());
  deployment = at(CLAUDE);
});

afterAll(async () => {
  await provider.close();
  await vendor.close();
});

const hi = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const chat = (json: Record<string, unknown> = hi, options: Partial<UpstreamRequest> = {}) =>
  callOf(deployment, json, options);
const toolStart = (index: number, id: string, name: string) => ({
  tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }],
});
const toolInput = (index: number, input: string) => ({
  tool_calls: [{ index, function: { arguments: input } }],
});
const USAGE = {
  prompt_tokens: 135,
  completion_tokens: 15,
  total_tokens: 150,
  prompt_tokens_details: { cached_tokens: 100, cache_creation_tokens: 10 },
  completion_tokens_details: { reasoning_tokens: 0 },
};

describe('GW-11 Bedrock: chat completions as a stream', () => {
  it.each([
    {
      name: 'text.events',
      deltas: [{ content: 'Hello' }, { content: ', 世界' }, {}],
      finish: 'stop',
    },
    { name: 'length.events', deltas: [{ content: 'Once' }, {}], finish: 'length' },
    {
      name: 'parallel-tools.events',
      deltas: [
        { content: 'Looking.' },
        toolStart(0, 'tooluse_1', 'weather'),
        toolInput(0, '{"city":'),
        toolInput(0, ' "Paris"}'),
        toolStart(1, 'tooluse_2', 'weather'),
        toolInput(1, '{"city":"Oslo"}'),
        toolStart(2, 'tooluse_3', 'now'),
        toolInput(2, '{}'),
        {},
      ],
      finish: 'tool_calls',
    },
    {
      name: 'thinking.events',
      deltas: [
        { reasoning_content: 'First ' },
        { reasoning_content: 'this.' },
        {
          thinking_blocks: [{ type: 'thinking', thinking: 'First this.', signature: 'c2lnbmVk' }],
        },
        { content: '42' },
        {},
      ],
      finish: 'stop',
    },
  ])('translates $name', async ({ name, deltas, finish }) => {
    vendor.play(recorded(name));
    const read = await readStream(provider, chat());
    expect(read.failure).toBeUndefined();
    expect(read.deltas).toEqual(deltas);
    expect(read).toMatchObject({ finish, done: true });
    expect(read.usage).toEqual(USAGE);
    expect(vendor.journal[0]?.path).toBe(`/model/${encodeURIComponent(CLAUDE)}/converse-stream`);
  });

  it('lets another attempt follow an exception before any content', async () => {
    vendor.play(recorded('error-first.events'));
    const opening = openStream(provider, chat(), DEFAULT_TIMEOUTS);
    await expect(opening).rejects.toMatchObject({
      status: 429,
      code: 'upstream_rate_limited',
      retryable: true,
    });
  });

  it('tells of an exception after the first content, without an end', async () => {
    vendor.play(recorded('error-midway.events'));
    const read = await readStream(provider, chat());
    expect(read.deltas).toEqual([{ content: 'Hello' }]);
    expect(read).toMatchObject({ done: false, failure: { code: 'upstream_error' } });
  });

  it.each([
    ['between two events', 0, 'end'],
    ['inside an event', 7, 'end'],
    ['by a broken connection', 0, 'reset'],
  ] as const)('makes no end of a stream that is cut %s', async (_name, missingBytes, then) => {
    const whole = eventStream(fixture('cut.events'));
    const body = whole.subarray(0, whole.length - missingBytes);
    vendor.play({ headers: EVENTS, body, then });
    const read = await readStream(provider, chat());
    expect(read.deltas[0]).toEqual({ content: 'Hello' });
    expect(read).toMatchObject({ done: false, finish: null });
    if (missingBytes > 0 || then === 'reset')
      expect(read.failure).toMatchObject({ code: 'upstream_error' });
  });

  it('closes the socket of an aborted stream', async () => {
    const client = new AbortController();
    vendor.play({ ...recorded('cut.events'), then: 'hang' });
    const reason = new Error('the client is gone');
    const answer = await provider.stream(chat(hi, { signal: client.signal }));
    await answer.chunks.next();
    client.abort(reason);
    expect(await soon(() => vendor.journal[0]?.aborted === true)).toBe(true);
    answer.release(false);
  });
});

describe('GW-11 Bedrock: chat completions at once', () => {
  it('answers with a chat completion, the request signed', async () => {
    vendor.play({ headers: JSON_TYPE, body: fixture('converse.json') });
    const { json } = await provider.complete(
      chat({
        ...hi,
        max_tokens: 50,
        stop: 'END',
        tools: [WEATHER],
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'hi' },
          { role: 'assistant', content: 'ok' },
          { role: 'system', content: 'In French.' },
          { role: 'user', content: 'now' },
        ],
      }),
    );
    const tool = { name: 'weather', arguments: '{"city":"Paris"}' };
    expect(json).toMatchObject({
      choices: [
        {
          finish_reason: 'tool_calls',
          message: {
            content: 'Looking.',
            tool_calls: [{ id: 'tooluse_1', type: 'function', function: tool }],
          },
        },
      ],
      usage: { prompt_tokens: 25, completion_tokens: 15, total_tokens: 40 },
    });
    expect(vendor.journal[0]).toMatchObject({
      path: `/model/${encodeURIComponent(CLAUDE)}/converse`,
      headers: {
        authorization: expect.stringMatching(
          /^AWS4-HMAC-SHA256 Credential=AKIA1\/\d{8}\/eu-west-1\/bedrock\/aws4_request/,
        ),
        'x-amz-security-token': 'token',
      },
      json: {
        system: [{ text: 'Be brief.' }, { text: 'In French.' }],
        inferenceConfig: { maxTokens: 50, stopSequences: ['END'] },
        messages: [
          { role: 'user', content: [{ text: 'hi' }] },
          { role: 'assistant', content: [{ text: 'ok' }] },
          { role: 'user', content: [{ text: 'now' }] },
        ],
        toolConfig: { tools: [{ toolSpec: { name: 'weather' } }] },
      },
    });
  });

  it('uses a Bedrock API key where there is no access key', async () => {
    vendor.play({ headers: JSON_TYPE, body: fixture('converse.json') });
    const keyed = at(CLAUDE, { apiKey: 'bedrock-key', aws: { region: 'eu-west-1' } });
    await provider.complete(callOf(keyed, hi));
    expect(vendor.journal[0]?.headers.authorization).toBe('Bearer bedrock-key');
  });

  it('takes no credential from the environment', async () => {
    vendor.play({ headers: JSON_TYPE, body: fixture('converse.json') });
    const keyless = at(CLAUDE, { aws: { region: 'eu-west-1' } });
    await expect(provider.complete(callOf(keyless, hi))).rejects.toMatchObject({
      code: 'upstream_authentication_failed',
    });
    expect(vendor.journal).toHaveLength(0);
  });

  it.each([
    [400, 'ValidationException', 400, false],
    [403, 'AccessDeniedException', 502, false],
    [429, 'ThrottlingException', 429, false],
    [500, 'InternalServerException', 502, true],
    [503, 'ServiceUnavailableException', 503, true],
  ])('maps status %i', async (status, type, ours, retryable) => {
    const headers = { ...JSON_TYPE, 'x-amzn-errortype': type };
    vendor.play({ status, headers, body: '{"message":"no"}' });
    await expect(provider.complete(chat())).rejects.toMatchObject({ status: ours, retryable });
    expect(vendor.journal).toHaveLength(1);
  });

  it('refuses images by address, which Bedrock does not fetch', async () => {
    const image_url = { url: 'https://example.com/a.png' };
    const content = [{ type: 'image_url', image_url }];
    const request = chat({ ...hi, messages: [{ role: 'user', content }] });
    await expect(provider.complete(request)).rejects.toMatchObject({
      status: 400,
      param: 'messages[0].content[0].image_url.url',
    });
  });
});

describe('GW-11 Bedrock: embeddings', () => {
  const embeddings = (upstreamModel: string, json: Record<string, unknown>) =>
    callOf(at(upstreamModel), { model: 'm', ...json }, { endpoint: 'embeddings' });

  it('asks Titan once for each text and adds up its counts', async () => {
    const answer = (value: number): RecordedAnswer => ({
      headers: JSON_TYPE,
      body: JSON.stringify({ embedding: [value], inputTextTokenCount: 4 }),
    });
    vendor.play(answer(1));
    const request = embeddings('amazon.titan-embed-text-v2:0', {
      input: ['a', 'b', 'c'],
      dimensions: 256,
    });
    const { json } = await provider.complete(request);
    expect(json).toMatchObject({
      data: [{ index: 0 }, { index: 1 }, { index: 2 }],
      usage: { prompt_tokens: 12, total_tokens: 12 },
    });
    const bodies = vendor.journal.map((received) => received.json);
    expect(bodies).toHaveLength(3);
    expect(bodies).toContainEqual({ inputText: 'b', dimensions: 256 });
  });

  it('names the field when a model has no such size', async () => {
    const request = embeddings('amazon.titan-embed-text-v2:0', { input: 'a', dimensions: 7 });
    await expect(provider.complete(request)).rejects.toMatchObject({
      status: 400,
      param: 'dimensions',
    });
  });

  it('ends all its calls when one of them fails', async () => {
    // The first to arrive waits for ever, so the failure of the second comes when both are there.
    vendor.play({ silent: true }, { status: 500, headers: JSON_TYPE, body: '{"message":"no"}' });
    const request = embeddings('amazon.titan-embed-text-v2:0', { input: ['a', 'b'] });
    await expect(provider.complete(request)).rejects.toMatchObject({ status: 502 });
    expect(await soon(() => vendor.journal[0]?.aborted === true)).toBe(true);
  });
});

const WEATHER = {
  type: 'function',
  function: {
    name: 'weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
  },
};

/** Each line is a type (`!` marks an exception) and its JSON; on the wire they are binary frames. */
function eventStream(lines: string): Buffer {
  const codec = new EventStreamCodec(
    (bytes) => Buffer.from(bytes as Uint8Array).toString('utf8'),
    (text) => Buffer.from(text, 'utf8'),
  );
  const text = (value: string) => ({ type: 'string' as const, value });
  const frames = lines
    .trim()
    .split('\n')
    .map((line) => {
      const space = line.indexOf(' ');
      const name = line.slice(0, space);
      const exception = name.startsWith('!');
      const headers = {
        ':message-type': text(exception ? 'exception' : 'event'),
        [exception ? ':exception-type' : ':event-type']: text(name.replace('!', '')),
        ':content-type': text('application/json'),
      };
      return codec.encode({ headers, body: Buffer.from(line.slice(space + 1)) });
    });
  return Buffer.concat(frames);
}
