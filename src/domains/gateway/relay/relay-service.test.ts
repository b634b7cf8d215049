import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import OpenAI, { toFile } from 'openai';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { deploymentNamed, modelNamed } from '../../../../test/support/routed-deployments.ts';
import {
  type BareGateway,
  startBareGateway,
} from '../../../../test/support/scripted-provider/bare-gateway.ts';
import { type Endpoint, ENDPOINTS, type Model } from '../../models/index.ts';

interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}
type Answer = (response: ServerResponse) => void;

const received: Received[] = [];
const answers: Answer[] = [];
let closed = 0;
let gateway: BareGateway;
let client: OpenAI;

const upstream = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  response.once('close', () => {
    closed += response.writableFinished ? 0 : 1;
  });
  const { url = '', headers } = request;
  received.push({ path: url, headers, body: Buffer.concat(chunks) });
  const answer = answers.shift() ?? json({});
  answer(response);
});

const json =
  (body: object, status = 200): Answer =>
  (response) => {
    const bytes = JSON.stringify(body);
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(bytes),
      'x-ratelimit-limit-requests': '9',
      'set-cookie': 'a=b',
    });
    response.end(bytes);
  };

const plain =
  (type: string, body: string | Buffer): Answer =>
  (response) =>
    response.writeHead(200, { 'content-type': type }).end(body);

/** The head and these bytes, then nothing more. */
const halting =
  (
    type: string,
    bytes: string,
    end: (response: ServerResponse) => void = () => undefined,
  ): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': type });
    response.write(bytes, () => end(response));
  };

const silent: Answer = () => undefined;

const reset: Answer = (response) => response.socket?.resetAndDestroy();

function models(baseUrl: string): Map<string, Model> {
  const endpoint = { baseUrl, apiKey: 'upstream-key' };
  const all: ReadonlySet<Endpoint> = new Set(ENDPOINTS);
  const own = deploymentNamed('one', { endpoint, serves: all });
  const renamed = { ...own, id: 'other', name: 'other', upstreamModel: 'vendor/v1' };
  const builtin = {
    ...own,
    id: 'no',
    name: 'no',
    provider: 'builtin' as const,
    endpoint: undefined,
  };
  return new Map(
    [
      modelNamed('m', [own]),
      modelNamed('omni-moderation-latest', [own]),
      modelNamed('renamed', [renamed]),
      modelNamed('chat-only', [{ ...own, serves: new Set<Endpoint>(['chat.completions']) }]),
      modelNamed('builtin', [builtin]),
      modelNamed('mixed', [builtin, renamed]),
    ].map((model) => [model.name, model]),
  );
}

beforeAll(async () => {
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const known = models(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1`);
  gateway = await startBareGateway({
    keepAliveMs: 200,
    catalogue: {
      find: (name) => known.get(name),
      resolve: async (name) => {
        throw new Error(`no model ${name}`);
      },
      list: () => [...known.values()],
    },
  });
  client = new OpenAI({ baseURL: gateway.baseUrl, apiKey: 'any', maxRetries: 0 });
});

afterEach(() => {
  gateway.records.length = 0;
  received.length = 0;
  answers.length = 0;
  closed = 0;
});

afterAll(async () => {
  await gateway.close();
  upstream.closeAllConnections();
  upstream.close();
  await once(upstream, 'close');
});

const AUDIO = Buffer.from([0, 1, 2, 13, 10, 45, 45, 255]);
const speech = { model: 'm', input: 'hello there', voice: 'alloy' };
const audioFile = () => toFile(AUDIO, 'a.wav', { type: 'audio/wav' });

describe('GW-17 JSON that is relayed', () => {
  it.each([
    ['/rerank', 'rerank', { query: 'q', documents: ['a', { text: 'b' }] }],
    ['/moderations', 'moderations', { input: ['a'] }],
    ['/images/generations', 'images.generations', { prompt: 'a lamp', n: 2 }],
    ['/images/edits', 'images.edits', { prompt: 'a lamp' }],
  ])('%s: bytes both ways, and one record', async (path, endpoint, fields) => {
    const answer = { data: [1], usage: { input_tokens: 6, output_tokens: 3 }, x: 1.5 };
    answers.push(json(answer));
    const body = ` {"model": "m",${JSON.stringify(fields).slice(1, -1)}, "seed":9007199254740993}`;
    const response = await gateway.post(path, body);
    expect(await response.text()).toBe(JSON.stringify(answer));
    expect(response.headers.get('x-llamp-deployment')).toBe('one');
    expect(response.headers.get('x-ratelimit-limit-requests')).toBe('9');
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(received).toMatchObject([
      { path: `/v1${path}`, headers: { authorization: 'Bearer upstream-key' } },
    ]);
    expect(received[0]?.body.toString()).toBe(body);
    expect(gateway.records).toMatchObject([
      {
        endpoint,
        model: 'm',
        status: 'completed',
        promptTokens: 6,
        completionTokens: 3,
        estimated: false,
        upstreamUsage: answer.usage,
        projectId: 'proj_1',
      },
    ]);
  });

  it('names the model as the upstream does', async () => {
    await gateway.post('/rerank', '{"documents":["a"], "model":"renamed","query":"q"}');
    expect(received[0]?.body.toString()).toBe(
      '{"documents":["a"], "model":"vendor/v1","query":"q"}',
    );
  });

  it('estimates and says so where nothing is reported', async () => {
    await gateway.post('/rerank', { model: 'm', query: 'a question', documents: ['an answer'] });
    expect(gateway.records).toMatchObject([{ estimated: true, upstreamUsage: null }]);
    expect(gateway.records[0]?.promptTokens).toBeGreaterThan(3);
  });

  it('takes the moderation model of OpenAI when none is named', async () => {
    const answer = { id: 'modr-1', model: 'omni-moderation-latest', results: [] };
    answers.push(json(answer));
    expect(await client.moderations.create({ input: 'a' })).toMatchObject(answer);
  });
});

describe('GW-17 forms that are relayed', () => {
  it.each(['transcriptions', 'translations'] as const)(
    '%s of the official SDK: bytes and boundary unchanged',
    async (kind) => {
      answers.push(json({ text: 'hello', usage: { type: 'duration', seconds: 2 } }));
      const answer = await client.audio[kind].create({ file: await audioFile(), model: 'm' });
      expect(answer.text).toBe('hello');
      const [request] = received;
      expect(request?.path).toBe(`/v1/audio/${kind}`);
      expect(request?.body.includes(AUDIO)).toBe(true);
      const boundary = /boundary=(.*)$/.exec(request?.headers['content-type'] ?? '')?.[1];
      expect(request?.body.toString('latin1')).toContain(`--${boundary}--`);
      expect(gateway.records).toMatchObject([
        {
          endpoint: `audio.${kind}`,
          promptTokens: 0,
          estimated: false,
          upstreamUsage: { type: 'duration', seconds: 2 },
        },
      ]);
    },
  );

  it('get the name of the upstream and nothing else', async () => {
    const form = new FormData();
    form.append('file', new Blob([AUDIO]), 'a.wav');
    form.append('model', 'renamed');
    form.append('prompt', 'renamed');
    const sent = new Request('http://x', { method: 'POST', body: form });
    const type = sent.headers.get('content-type') ?? '';
    const bytes = Buffer.from(await sent.arrayBuffer());
    await gateway.post('/audio/transcriptions', '', {
      body: bytes,
      headers: { 'content-type': type },
    });
    const at = bytes.indexOf('renamed');
    const expected = Buffer.concat([
      bytes.subarray(0, at),
      Buffer.from('vendor/v1'),
      bytes.subarray(at + 'renamed'.length),
    ]);
    expect(received[0]?.body.equals(expected)).toBe(true);
    expect(received[0]?.headers['content-type']).toBe(type);
  });

  it('edit images', async () => {
    answers.push(json({ created: 1, data: [{ b64_json: 'AA==' }], usage: { input_tokens: 4 } }));
    const answer = await client.images.edit({
      image: [await audioFile(), await audioFile()],
      prompt: 'brighter',
      model: 'm',
    });
    expect(answer.data?.[0]?.b64_json).toBe('AA==');
    expect(gateway.records).toMatchObject([{ endpoint: 'images.edits', promptTokens: 4 }]);
  });

  it.each([
    ['text', 'text/plain; charset=utf-8', 'hello world'],
    ['srt', 'application/x-subrip', '1\n00:00:00,000 --> 00:00:01,000\nhello\n'],
  ] as const)('answer in %s as it comes', async (format, type, text) => {
    answers.push(plain(type, text));
    const answer = await client.audio.transcriptions
      .create({ file: await audioFile(), model: 'm', response_format: format })
      .asResponse();
    expect(answer.headers.get('content-type')).toBe(type);
    expect(await answer.text()).toBe(text);
    expect(gateway.records).toMatchObject([{ status: 'completed', estimated: true }]);
    expect(gateway.records[0]?.completionTokens).toBeGreaterThan(1);
  });
});

describe('GW-17 sounds', () => {
  it('arrive while the upstream still sends them', async () => {
    let open: ServerResponse | undefined;
    answers.push(
      halting('audio/mpeg', 'first', (response) => {
        open = response;
      }),
    );
    const answer = await client.audio.speech.create(speech);
    expect(answer.headers.get('content-type')).toBe('audio/mpeg');
    const reader = answer.body?.getReader();
    const first = await reader?.read();
    expect(Buffer.from(first?.value ?? []).toString()).toBe('first');
    expect(gateway.records).toEqual([]);
    open?.end('last');
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('last');
    expect((await reader?.read())?.done).toBe(true);
    expect(gateway.records).toMatchObject([
      { endpoint: 'audio.speech', status: 'completed', streamed: true, estimated: true },
    ]);
    expect(gateway.records[0]?.promptTokens).toBeGreaterThan(1);
  });

  it('of a known length are recorded before their last byte', async () => {
    answers.push((response) =>
      response
        .writeHead(200, { 'content-type': 'audio/wav', 'content-length': AUDIO.length })
        .end(AUDIO),
    );
    const answer = await client.audio.speech.create(speech);
    expect(Buffer.from(await answer.arrayBuffer()).equals(AUDIO)).toBe(true);
    expect(answer.headers.get('content-length')).toBe(String(AUDIO.length));
    expect(gateway.records).toMatchObject([{ status: 'completed' }]);
  });

  it('that break off break the connection of the client too', async () => {
    answers.push(halting('audio/mpeg', 'half', (response) => response.socket?.resetAndDestroy()));
    const answer = await client.audio.speech.create(speech);
    await expect(answer.arrayBuffer()).rejects.toThrow();
    await expect.poll(() => gateway.records).toMatchObject([{ status: 'truncated' }]);
  });
});

describe('GW-17 events', () => {
  const stream = { model: 'm', prompt: 'a lamp', stream: true };
  const done =
    'event: image_generation.completed\ndata: {"type":"image_generation.completed","usage":{"input_tokens":5,"output_tokens":7}}\n\n';

  it('pass as they are, and their usage is read', async () => {
    answers.push(plain('text/event-stream', `event: a\ndata: {"b64_json":"AA"}\n\n${done}`));
    const answer = await gateway.post('/images/generations', stream);
    expect(await answer.text()).toBe(`event: a\ndata: {"b64_json":"AA"}\n\n${done}`);
    expect(gateway.records).toMatchObject([
      { status: 'completed', streamed: true, promptTokens: 5, completionTokens: 7 },
    ]);
  });

  it('that begin late are bridged with comments', async () => {
    answers.push((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      setTimeout(() => response.end(done), 600);
    });
    const answer = await gateway.post('/images/generations', stream);
    const text = await answer.text();
    expect(text).toMatch(/^: ping\n/);
    expect(text).toContain(done);
    expect(gateway.records).toMatchObject([{ status: 'completed', promptTokens: 5 }]);
    expect(gateway.records[0]?.firstTokenMs).toBeGreaterThan(400);
  });

  it('that break off end with an event that says so', async () => {
    answers.push(
      halting('text/event-stream', 'data: {"a":1}\n\n', (one) => one.socket?.resetAndDestroy()),
    );
    const text = await (await gateway.post('/images/generations', stream)).text();
    expect(text).toContain('data: {"a":1}\n\n');
    expect(text).toContain('"code":"upstream_error"');
    expect(gateway.records).toMatchObject([{ status: 'truncated' }]);
  });

  it('that tell of a failure are no complete answer', async () => {
    const event = 'event: error\ndata: {"type":"error","error":{"message":"no"}}\n\n';
    answers.push(plain('text/event-stream', event));
    expect(await (await gateway.post('/images/generations', stream)).text()).toBe(event);
    expect(gateway.records).toMatchObject([{ status: 'truncated' }]);
  });
});

describe('GW-17 a relay that fails', () => {
  it.each([
    ['a reset', reset],
    ['a 500', json({ error: { message: 'no' } }, 500)],
    ['HTML', plain('text/html', '<html>')],
    ['JSON that is cut', plain('application/json', '{"data":')],
    ['an error with status 200', json({ error: { message: 'no' } })],
    ['no bytes', plain('audio/mpeg', '')],
    [
      'a reset in the middle of JSON',
      halting('application/json', '{"da', (one) => one.socket?.resetAndDestroy()),
    ],
  ])('before any byte is tried again: %s', async (_name, answer) => {
    answers.push(answer, json({ data: [] }));
    const response = await gateway.post('/images/generations', { model: 'm', prompt: 'p' });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-llamp-attempts')).toBe('2');
    expect(gateway.records).toMatchObject([{ status: 'completed' }]);
  });

  it('with a form is tried again with the same bytes', async () => {
    answers.push(reset, json({ text: 'a' }));
    await client.audio.transcriptions.create({ file: await audioFile(), model: 'm' });
    expect(received).toHaveLength(2);
    expect(received[0]?.body.equals(received[1]?.body ?? Buffer.alloc(0))).toBe(true);
  });

  it('for the reason of the client passes on as it is', async () => {
    const error = { message: 'bad size', type: 'invalid_request_error', param: 'size', code: 'x' };
    answers.push(json({ error }, 400));
    const response = await gateway.post('/images/generations', { model: 'm', prompt: 'p' });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error });
    expect(received).toHaveLength(1);
    expect(gateway.records).toMatchObject([{ status: 'failed', promptTokens: 0 }]);
  });

  it.each(['chat-only', 'builtin'])('%s does not serve it: a 400 that says so', async (model) => {
    const response = await gateway.post('/audio/speech', { ...speech, model });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: {
        code: 'unsupported_endpoint',
        param: 'model',
        message: expect.stringMatching(/does not serve audio\.speech/),
      },
    });
    expect(received).toEqual([]);
  });

  it('at one deployment of the model goes to another that can', async () => {
    const response = await gateway.post('/rerank', {
      model: 'mixed',
      query: 'q',
      documents: ['a'],
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-llamp-deployment')).toBe('other');
  });
});

describe('GW-17 a client that goes away', () => {
  const TICK_MS = 5;
  const LIMIT_MS = 100;
  // Counted in turns of our own timers: time that other processes took is no delay of ours.
  const soon = async (condition: () => boolean) => {
    for (let turn = 0; turn < LIMIT_MS / TICK_MS && !condition(); turn += 1)
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    return condition();
  };

  it.each([
    ['before the head', silent, false],
    ['inside JSON', halting('application/json', '{"da'), false],
    ['inside sounds', halting('audio/mpeg', 'first'), true],
    ['inside events', halting('text/event-stream', 'data: {"a":1}\n\n'), true],
    ['before the first event', halting('text/event-stream', ''), false],
  ] as const)('closes the upstream within 100 ms: %s', async (_name, answer, readFirst) => {
    answers.push(answer);
    const abort = new AbortController();
    const asked = gateway.post('/audio/speech', speech, { signal: abort.signal });
    asked.catch(() => undefined);
    await expect.poll(() => received.length).toBe(1);
    if (readFirst) await (await asked).body?.getReader().read();
    abort.abort();
    expect(await soon(() => closed === 1)).toBe(true);
    await expect.poll(() => gateway.records).toMatchObject([{ status: 'aborted' }]);
  });
});
