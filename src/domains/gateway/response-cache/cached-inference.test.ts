import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createMemoryEphemeralStore } from '../../../adapters/ephemeral-store/memory.ts';
import { silentLog } from '../../../lib/log.ts';
import { EphemeralStoreUnavailableError } from '../../../ports/ephemeral-store.ts';
import { steppedClock } from '../../../../test/support/routed-deployments.ts';
import {
  type ScriptedProvider,
  startScriptedProvider,
} from '../../../../test/support/scripted-provider.ts';
import {
  type BareGateway,
  startBareGateway,
} from '../../../../test/support/scripted-provider/bare-gateway.ts';
import { cachedInference } from './cached-inference.ts';
import type { CacheableCall } from './cache-request.ts';
import { ResponseCache } from './response-cache.ts';

const ephemeral = createMemoryEphemeralStore({ log: silentLog });
let provider: ScriptedProvider;
let gateway: BareGateway;
let turn = 0;

beforeAll(async () => {
  provider = await startScriptedProvider({ models: ['m'] });
  gateway = await startBareGateway({ upstream: provider, inference: { ephemeral } });
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

/** A body that no other test uses. */
const fresh = (fields: object = {}) => {
  turn += 1;
  return { model: 'm', messages: [{ role: 'user', content: `question ${turn}` }], ...fields };
};

async function ask(body: object, cache?: string, path = '/chat/completions') {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (cache !== undefined) headers['x-llamp-cache'] = cache;
  const answer = await gateway.post(path, body, { headers });
  const told = answer.headers.get('x-llamp-cache');
  return { status: answer.status, headers: answer.headers, told, text: await answer.text() };
}

/** Asks until the answer is there: it is stored while its client reads it. */
async function askUntilHit(body: object, cache = 'ttl=60') {
  await expect.poll(async () => (await ask(body, cache)).told).toBe('hit');
  return ask(body, cache);
}

const calls = () => provider.journal.filter(({ method }) => method === 'POST').length;

describe('GW-9 a cached answer', () => {
  it.each([
    ['/chat/completions', {}],
    ['/chat/completions', { stream: true }],
    ['/chat/completions', { stream: true, stream_options: { include_usage: true } }],
    ['/chat/completions', { temperature: 1 }],
  ])('is the first one, byte for byte (%s %o)', async (path, fields) => {
    const body = fresh(fields);
    const first = await ask(body, 'ttl=60', path);
    expect(first.told).toBe('miss');
    const second = await askUntilHit(body);
    expect(second.text).toBe(first.text);
    expect(second.headers.get('content-type')).toBe(first.headers.get('content-type'));
    expect(Number(second.headers.get('age'))).toBeLessThan(10);
    expect(second.headers.get('x-llamp-deployment')).toBeNull();
  });

  it('costs nothing and is recorded', async () => {
    const body = fresh();
    await ask(body, 'ttl=60');
    await askUntilHit(body);
    expect(calls()).toBeLessThan(gateway.records.length);
    expect(gateway.records.at(-1)).toMatchObject({
      model: 'm',
      deployment: 'response-cache',
      status: 'completed',
      promptTokens: 0,
      completionTokens: 0,
      estimated: false,
      upstreamUsage: null,
    });
  });

  it('is not for who did not ask for it', async () => {
    const body = fresh();
    await ask(body, 'ttl=60');
    await askUntilHit(body);
    expect((await ask(body)).told).toBeNull();
  });

  it('of one form does not stand for another', async () => {
    const body = fresh();
    await ask(body, 'ttl=60');
    await askUntilHit(body);
    const events = await ask({ ...body, stream: true }, 'ttl=60');
    expect(events.told).toBe('miss');
    const usage = { stream: true, stream_options: { include_usage: true } };
    expect((await ask({ ...body, ...usage }, 'ttl=60')).told).toBe('miss');
  });

  it('is made anew on no-cache and not kept on no-store', async () => {
    const body = fresh();
    await ask(body, 'ttl=60, no-store');
    expect((await ask(body, 'ttl=60')).told).toBe('miss');
    await askUntilHit(body);
    const asked = calls();
    expect((await ask(body, 'ttl=60, no-cache')).told).toBe('miss');
    expect(calls()).toBe(asked + 1);
  });

  it('of embeddings is one too', async () => {
    const body = { model: 'm', input: `text ${turn}` };
    const first = await ask(body, 'ttl=60', '/embeddings');
    await expect.poll(async () => (await ask(body, 'ttl=60', '/embeddings')).told).toBe('hit');
    expect((await ask(body, 'ttl=60', '/embeddings')).text).toBe(first.text);
  });

  it.each([
    ['a failure', { fault: 'status-400' }, false],
    ['a cut stream', { fault: 'cut', frames: 2 }, true],
    ['a stream without its end', { fault: 'early-end', frames: 2 }, true],
    ['an error inside a stream', { fault: 'error-later', frames: 2 }, true],
  ] as const)('is never %s', async (_name, script, stream) => {
    const body = fresh({ stream });
    provider.queue(script);
    await ask(body, 'ttl=60');
    const second = await ask(body, 'ttl=60');
    expect(second.told).toBe('miss');
    expect(second.status).toBe(200);
  });

  it('is never one that is too large', async () => {
    const body = fresh({ stream: true });
    provider.queue({ fault: 'giant-frame' }, { fault: 'giant-frame' });
    await ask(body, 'ttl=60');
    expect((await ask(body, 'ttl=60')).told).toBe('miss');
  });

  it('is refused with a wrong header', async () => {
    const answer = await ask(fresh(), 'ttl=never');
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toMatchObject({
      error: { code: 'invalid_value', param: 'x-llamp-cache' },
    });
    expect(calls()).toBe(0);
  });
});

describe('GW-9 the cache itself', () => {
  const json = { model: 'm', input: 'a' };
  const call = (projectId: string, cache?: CacheableCall['cache']): CacheableCall => ({
    principal: {
      kind: 'api_key',
      organizationId: 'o',
      projectId,
      apiKeyId: 'k',
      scopes: ['inference'],
    },
    requestId: 'r',
    endpoint: 'embeddings',
    body: { json, bytes: Buffer.from(JSON.stringify(json)) },
    signal: new AbortController().signal,
    cache,
  });
  const ttl = (ttlSeconds: number) => ({ ttlSeconds, mayReuse: true, mayStore: true });

  function setUp(options: Partial<ConstructorParameters<typeof ResponseCache>[0]> = {}) {
    const clock = steppedClock();
    const values = new Map<string, Uint8Array>();
    const store = {
      get: async (key: string) => values.get(key),
      set: async (key: string, value: Uint8Array) => void values.set(key, value),
    };
    const cache = new ResponseCache({ store, clock, log: silentLog, ...options });
    let asked = 0;
    const inference = {
      complete: async () => {
        asked += 1;
        const headers = { 'content-type': 'application/json', 'x-llamp-deployment': 'd' };
        return { headers, json: {}, body: Buffer.from(`{"asked":${asked}}`) };
      },
      stream: async () => {
        throw new Error('no streams here');
      },
    };
    const { complete } = cachedInference(inference, cache, async () => ({ metered: 'yes' }));
    const text = async (one: CacheableCall) => (await complete(one)).body.toString();
    return { clock, values, cache, inference, complete, text };
  }

  it('never answers across projects', async () => {
    const { text } = setUp();
    expect(await text(call('a', ttl(60)))).toBe('{"asked":1}');
    expect(await text(call('b', ttl(60)))).toBe('{"asked":2}');
    expect(await text(call('a', ttl(60)))).toBe('{"asked":1}');
    expect(await text(call('b', ttl(60)))).toBe('{"asked":2}');
  });

  it('gives nobody an answer that is older than wanted, and says how old it is', async () => {
    const { text, clock, complete } = setUp();
    await text(call('a', ttl(3600)));
    clock.advance(90_500);
    expect((await complete(call('a', ttl(3600)))).headers).toEqual({
      metered: 'yes',
      'x-llamp-cache': 'hit',
      age: '90',
      'content-type': 'application/json',
    });
    expect(await text(call('a', ttl(60)))).toBe('{"asked":2}');
  });

  it('knows a time for each key', async () => {
    const defaultTtlSeconds = ({ projectId }: { projectId: string }) =>
      projectId === 'a' ? 60 : undefined;
    const { text, clock } = setUp({ defaultTtlSeconds });
    await text(call('a'));
    expect(await text(call('a'))).toBe('{"asked":1}');
    await text(call('b'));
    expect(await text(call('b'))).toBe('{"asked":3}');
    clock.advance(60_000);
    expect(await text(call('a'))).toBe('{"asked":4}');
  });

  it('does without a store that is away', async () => {
    const away = async () => {
      throw new EphemeralStoreUnavailableError('away');
    };
    const { text } = setUp({ store: { get: away, set: away } });
    expect(await text(call('a', ttl(60)))).toBe('{"asked":1}');
    expect(await text(call('a', ttl(60)))).toBe('{"asked":2}');
  });

  it('asks the store for 50 ms at most, and with the signal of the client', async () => {
    const seen: object[] = [];
    const store = {
      get: async (_key: string, options: object) => void seen.push(options),
      set: async (_key: string, _value: Uint8Array, options: object) => void seen.push(options),
    };
    const { text } = setUp({ store });
    const one = call('a', ttl(7));
    await text(one);
    expect(seen).toEqual([
      { timeoutMs: 50, signal: one.signal },
      { timeoutMs: 50, ttlMs: 7_000 },
    ]);
  });

  it('keeps no answer of a fallback', async () => {
    const { cache, values, inference } = setUp();
    const fallback = async () => {
      const { headers, ...answer } = await inference.complete();
      return { ...answer, headers: { ...headers, 'x-llamp-fallback': 'other' } };
    };
    const { complete } = cachedInference(
      { ...inference, complete: fallback },
      cache,
      async () => ({}),
    );
    await complete(call('a', ttl(60)));
    expect(values.size).toBe(0);
  });

  it('does not answer what a limit refuses', async () => {
    const { cache, text, inference } = setUp();
    await text(call('a', ttl(60)));
    const { complete } = cachedInference(inference, cache, async () => {
      throw new Error('limit reached');
    });
    await expect(complete(call('a', ttl(60)))).rejects.toThrow('limit reached');
  });
});
