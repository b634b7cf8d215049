import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type ScriptedProvider,
  startScriptedProvider,
} from '../../../test/support/scripted-provider.ts';
import {
  type BareGateway,
  startBareGateway,
} from '../../../test/support/scripted-provider/bare-gateway.ts';
import { usageOf } from '../../../test/support/scripted-provider/content.ts';

let provider: ScriptedProvider;
let gateway: BareGateway;

beforeAll(async () => {
  provider = await startScriptedProvider({ models: ['m', 'vendor/m'] });
  gateway = await startBareGateway({ upstream: provider, keepAliveMs: 200 });
});

afterEach(() => {
  gateway.records.length = 0;
  provider.journal.length = 0;
  provider.clearQueue();
});

afterAll(async () => {
  await gateway.close();
  await provider.close();
});

const chat = (fields: object = {}) => ({
  model: 'm',
  messages: [{ role: 'user', content: '你好' }],
  ...fields,
});

interface JsonBody {
  readonly data: { readonly id: string; readonly embedding: string }[];
  readonly error: object;
}
const jsonOf = async (answer: Response) => (await answer.json()) as JsonBody;

const lastRequest = () => provider.journal.findLast((received) => received.method === 'POST');

describe('GW-2 the bytes', () => {
  it.each(['none', 'crlf', 'comments', 'split-utf8', 'usage-everywhere', 'no-done'] as const)(
    'of a stream are those of the upstream when usage is asked for (%s)',
    async (fault) => {
      provider.queue({ fault, frames: 9 });
      const answer = await gateway.post(
        '/chat/completions',
        chat({ stream: true, stream_options: { include_usage: true } }),
      );
      const bytes = Buffer.from(await answer.arrayBuffer());
      expect(bytes.equals(lastRequest()?.sent ?? Buffer.alloc(0))).toBe(true);
    },
  );

  it('of a stream lack only the usage event that we asked for', async () => {
    const answer = await gateway.post('/chat/completions', chat({ stream: true }));
    const text = await answer.text();
    const events = lastRequest()?.sent.toString('utf8').split('\n\n') ?? [];
    const expected = events.filter((event) => !event.includes('"choices":[]')).join('\n\n');
    expect(text).toBe(expected);
    expect(events.join('\n\n')).not.toBe(expected);
  });

  it('of a request reach the upstream unchanged, unknown fields included', async () => {
    const body =
      '{ "model":"m" ,"x_new": 1.50,"seed":9007199254740991,"messages":[{"role":"user","content":"\\u4f60"}]}';
    await gateway.post('/chat/completions', body);
    expect(lastRequest()?.body.toString()).toBe(body);
  });

  it('of a streamed request are the same with one field spliced in', async () => {
    await (
      await gateway.post(
        '/chat/completions',
        ` {"stream":true,"model":"m","messages":[{"role":"user","content":"a"}]}`,
      )
    ).text();
    expect(lastRequest()?.body.toString()).toBe(
      ' {"stream_options":{"include_usage":true},"stream":true,"model":"m","messages":[{"role":"user","content":"a"}]}',
    );
  });

  it('of a stream come with the rate headers of the upstream', async () => {
    const answer = await gateway.post('/chat/completions', chat({ stream: true }));
    await answer.text();
    expect(answer.headers.get('x-ratelimit-limit-requests')).toBe('60');
    expect(answer.headers.get('x-llamp-deployment')).toBe('upstream');
  });

  it('of an answer are those of the upstream, with its rate headers', async () => {
    const answer = await gateway.post('/chat/completions', chat());
    const json = await answer.json();
    expect(json).toMatchObject({ x_unknown_field: { kept: true }, usage: usageOf(4) });
    expect(answer.headers.get('x-ratelimit-remaining-requests')).toBe('59');
    expect(answer.headers.get('openai-processing-ms')).toBe('7');
    expect(answer.headers.get('x-llamp-deployment')).toBe('upstream');
    expect(lastRequest()?.headers['authorization']).toBe('Bearer scripted-key');
  });
});

describe('GW-8 usage', () => {
  it.each([
    { stream: false, fault: 'none' },
    { stream: true, fault: 'none' },
    { stream: true, fault: 'usage-in-finish' },
    { stream: true, fault: 'usage-everywhere' },
  ] as const)('is what the upstream reported (%o)', async ({ stream, fault }) => {
    provider.queue({ fault, frames: 6 });
    await (await gateway.post('/chat/completions', chat({ stream }))).text();
    expect(gateway.records).toMatchObject([
      {
        projectId: 'proj_1',
        apiKeyId: 'key_1',
        endpoint: 'chat.completions',
        model: 'm',
        deployment: 'upstream',
        status: 'completed',
        promptTokens: 11,
        completionTokens: 6,
        cachedTokens: 3,
        reasoningTokens: 2,
        upstreamUsage: usageOf(6),
        estimated: false,
      },
    ]);
    expect(gateway.records[0]?.firstTokenMs === null).toBe(!stream);
  });

  it.each([false, true])(
    'is estimated and flagged when there is none (stream: %s)',
    async (stream) => {
      provider.queue({ fault: 'no-usage', frames: 5 });
      await (await gateway.post('/chat/completions', chat({ stream }))).text();
      expect(gateway.records).toMatchObject([{ estimated: true, upstreamUsage: null }]);
      expect(gateway.records[0]?.completionTokens).toBeGreaterThanOrEqual(4);
      expect(gateway.records[0]?.promptTokens).toBeGreaterThan(0);
    },
  );
});

describe('a body nested deeper than the stack', () => {
  it.each([false, true])('is answered and recorded (stream: %s)', async (stream) => {
    const depth = 20_000;
    const deep = `${'{"content":['.repeat(depth)}${']}'.repeat(depth)}`;
    const part = `{"type":"text","text":"hi","content":${deep}}`;
    const options = stream ? '"stream":true,"stream_options":{},' : '';
    const body = `{"model":"m",${options}"messages":[{"role":"user","content":[${part}]}]}`;
    provider.queue({ fault: 'no-usage' });
    const answer = await gateway.post('/chat/completions', body);
    await answer.text();
    expect(answer.status).toBe(200);
    expect(gateway.records).toMatchObject([
      { status: 'completed', estimated: true, promptTokens: 1 },
    ]);
  });
});

describe('retry', () => {
  it.each(['status-500', 'reset', 'html-200', 'error-first'] as const)(
    'gets over one %s',
    async (fault) => {
      for (const stream of [false, true]) {
        provider.queue({ fault });
        const answer = await gateway.post('/chat/completions', chat({ stream }));
        expect(answer.status).toBe(200);
        expect(await answer.text()).toContain('Hello');
      }
      expect(gateway.records.map((record) => record.status)).toEqual(['completed', 'completed']);
    },
  );

  it('waits out a short Retry-After and leaves a long one to the client', async () => {
    provider.queue({ fault: 'status-429', retryAfter: 0 });
    expect((await gateway.post('/chat/completions', chat())).status).toBe(200);
    provider.queue({ fault: 'status-429', retryAfter: 30 });
    const answer = await gateway.post('/chat/completions', chat());
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('30');
  });
});

describe('a silent upstream', () => {
  it('is bridged with comments, and its later answer still comes', async () => {
    provider.queue({ delayMs: 700 });
    const answer = await gateway.post('/chat/completions', chat({ stream: true }));
    const text = await answer.text();
    expect(text).toMatch(/^: ping\n/);
    expect(text).toContain('data: [DONE]');
    expect(gateway.records).toMatchObject([{ status: 'completed' }]);
  });

  it('that fails after that is told as an event', async () => {
    provider.queue({ fault: 'status-400', delayMs: 500 });
    const answer = await gateway.post('/chat/completions', chat({ stream: true }));
    const text = await answer.text();
    expect(text).toContain('"code":"context_length_exceeded"');
    expect(text).not.toContain('[DONE]');
    expect(gateway.records).toMatchObject([{ status: 'failed' }]);
  });
});

describe('other endpoints', () => {
  it.each([false, true])('completions work (stream: %s)', async (stream) => {
    const answer = await gateway.post('/completions', { model: 'm', prompt: 'say', stream });
    expect(await answer.text()).toContain('"text":"Hello');
    expect(gateway.records).toMatchObject([{ endpoint: 'completions', status: 'completed' }]);
  });

  it('embeddings pass through, base64 included', async () => {
    const body = { model: 'm', input: ['a', 'b'], encoding_format: 'base64', dimensions: 4 };
    const json = await jsonOf(await gateway.post('/embeddings', body));
    expect(json.data).toHaveLength(2);
    expect(Buffer.from(json.data[1]?.embedding ?? '', 'base64')).toHaveLength(16);
    expect(gateway.records).toMatchObject([{ endpoint: 'embeddings', promptTokens: 4 }]);
  });

  it('models are listed and found, slashes included', async () => {
    const list = await jsonOf(await fetch(`${gateway.baseUrl}/models`));
    expect(list.data.map((model) => model.id)).toEqual([
      'llamp-builtin',
      'llamp-builtin-lexical',
      'm',
      'vendor/m',
    ]);
    const one = await (await fetch(`${gateway.baseUrl}/models/vendor/m`)).json();
    expect(one).toEqual({
      id: 'vendor/m',
      object: 'model',
      created: 1_700_000_000,
      owned_by: 'scripted',
    });
  });

  it('an unknown model is a 404 like that of OpenAI', async () => {
    const answer = await gateway.post('/chat/completions', chat({ model: 'nope' }));
    expect(answer.status).toBe(404);
    expect((await jsonOf(answer)).error).toEqual({
      message: 'The model `nope` does not exist or you do not have access to it.',
      type: 'invalid_request_error',
      param: 'model',
      code: 'model_not_found',
    });
    expect(gateway.records).toEqual([]);
  });
});

describe('GW-6 a slow upstream', () => {
  it('does not hold up other calls', async () => {
    provider.queue({ fault: 'stall', frames: 1 }, { fault: 'hang' });
    const abort = new AbortController();
    const stalled = [true, false].map((stream) =>
      gateway.post('/chat/completions', chat({ stream }), { signal: abort.signal }),
    );
    await provider.waitFor((journal) => journal.length === 2);
    expect((await gateway.post('/chat/completions', chat())).status).toBe(200);
    abort.abort();
    await Promise.allSettled(stalled);
    await provider.waitFor((journal) => journal.filter((one) => one.ended).length === 3);
  });

  it('keeps its connections for the next call', async () => {
    for (let turn = 0; turn < 20; turn += 1)
      await (await gateway.post('/chat/completions', chat({ stream: turn % 2 === 0 }))).text();
    expect(provider.connections).toBeLessThan(8);
  });
});
