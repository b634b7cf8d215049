import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type Fault,
  type ScriptedProvider,
  startScriptedProvider,
} from '../../../../test/support/scripted-provider.ts';
import {
  type BareGateway,
  startBareGateway,
} from '../../../../test/support/scripted-provider/bare-gateway.ts';
import { deploymentNamed, modelNamed } from '../../../../test/support/routed-deployments.ts';
import type { Model } from '../../models/index.ts';

/** Every test has models, deployments and credentials of its own, so that no test inherits an outage. */
let first: ScriptedProvider;
let second: ScriptedProvider;
let gateway: BareGateway;
const models = new Map<string, Model>();

beforeAll(async () => {
  [first, second] = await Promise.all([startScriptedProvider(), startScriptedProvider()]);
  const catalogue = {
    find: (name: string) => models.get(name),
    resolve: async () => Promise.reject(new Error('no such model')),
    list: () => [...models.values()],
  };
  gateway = await startBareGateway({
    catalogue,
    timeouts: { firstTokenMs: 300, firstByteMs: 300, betweenFramesMs: 300 },
  });
});

afterEach(() => {
  models.clear();
  gateway.records.length = 0;
  for (const provider of [first, second]) {
    provider.journal.length = 0;
    provider.clearQueue();
  }
});

afterAll(async () => {
  await gateway.close();
  await Promise.all([first.close(), second.close()]);
});

const deployed = (name: string, provider: ScriptedProvider) =>
  deploymentNamed(name, {
    upstreamModel: 'scripted-chat',
    endpoint: { baseUrl: provider.baseUrl, apiKey: provider.apiKey },
  });

function addModel(name: string, given: Partial<Model> = {}, providers = [first, second]) {
  const deployments = providers.map((provider, index) =>
    deployed(`${name}-${index + 1}`, provider),
  );
  models.set(name, modelNamed(name, deployments, given));
}

async function ask(model: string, stream = false) {
  const messages = [{ role: 'user', content: 'hi' }];
  const response = await gateway.post('/chat/completions', { model, messages, stream });
  const text = await response.text();
  const said = (name: string) => response.headers.get(`x-llamp-${name}`);
  return { response, text, said, status: response.status };
}

interface Routed {
  readonly fault: Fault;
  readonly retryAfter?: number;
}

const MOVING_ON: readonly Routed[] = [
  { fault: 'status-401' },
  { fault: 'status-403' },
  { fault: 'status-429' },
  { fault: 'status-429', retryAfter: 30 },
  { fault: 'status-500' },
  { fault: 'status-503' },
  { fault: 'html-502' },
  { fault: 'html-200' },
  { fault: 'reset' },
  { fault: 'garbage' },
  { fault: 'error-first' },
  { fault: 'hang' },
  { fault: 'hang-after-head' },
];

describe.each([
  ['JSON', false],
  ['a stream', true],
])('GW-4 %s', (kind, stream) => {
  it.each(MOVING_ON)('moves on after $fault (Retry-After $retryAfter)', async (script) => {
    const name = `${kind}-${script.fault}-${script.retryAfter}`;
    addModel(name);
    first.queue(script);
    const { status, said, text } = await ask(name, stream);
    expect(status).toBe(200);
    expect(said('deployment')).toBe(`${name}-2`);
    expect(said('attempts')).toBe('2');
    expect(said('fallback')).toBeNull();
    if (stream) expect(text).toContain('[DONE]');
    expect(gateway.records).toMatchObject([{ status: 'completed', deployment: `${name}-2` }]);
  });

  it.each(['status-400', 'status-404', 'status-422'] as const)('stays with %s', async (fault) => {
    const name = `${kind}-${fault}`;
    addModel(name);
    first.queue({ fault });
    const { status, said } = await ask(name, stream);
    expect(status).toBe(Number(fault.slice(-3)));
    expect(said('attempts')).toBe('1');
    expect(second.journal).toHaveLength(0);
  });

  it('answers with the last failure as plain JSON when all are down', async () => {
    const name = `${kind}-down`;
    addModel(name);
    first.queue({ fault: 'status-500' });
    second.queue({ fault: 'status-503', retryAfter: 7 });
    const { status, response, text, said } = await ask(name, stream);
    expect(status).toBe(503);
    expect(response.headers.get('content-type')).toContain('application/json');
    expect(response.headers.get('retry-after')).toBe('7');
    expect(JSON.parse(text).error.code).toBe('upstream_unavailable');
    expect([said('attempts'), said('deployment')]).toEqual(['2', `${name}-2`]);
    expect(gateway.records).toMatchObject([{ status: 'failed' }]);
  });

  it('takes a refused credential out, and asks it no more', async () => {
    const name = `${kind}-refused`;
    addModel(name);
    first.queue({ fault: 'status-401' });
    expect((await ask(name, stream)).status).toBe(200);
    const next = await ask(name, stream);
    expect([next.status, next.said('attempts')]).toEqual([200, '1']);
    expect(first.journal).toHaveLength(1);
  });

  it('GW-3 still asks the only deployment after a 401 and after a 429', async () => {
    const name = `${kind}-alone`;
    addModel(name, {}, [first]);
    first.queue({ fault: 'status-401' });
    expect((await ask(name, stream)).status).toBe(502);
    first.queue({ fault: 'status-429', retryAfter: 60 });
    expect((await ask(name, stream)).status).toBe(429);
    expect((await ask(name, stream)).status).toBe(200);
    expect(first.journal).toHaveLength(3);
  });

  it('asks the least bad one when all are out', async () => {
    const name = `${kind}-all-out`;
    addModel(name);
    first.queue({ fault: 'status-429', retryAfter: 50 });
    second.queue({ fault: 'status-429', retryAfter: 5 });
    expect((await ask(name, stream)).status).toBe(429);
    const next = await ask(name, stream);
    expect([next.status, next.said('deployment')]).toEqual([200, `${name}-2`]);
  });

  it('falls back to another model and says so', async () => {
    const name = `${kind}-primary`;
    addModel(name, { fallbacks: ['unknown', `${kind}-备用`] }, [first]);
    addModel(`${kind}-备用`, { fallbacks: [name] }, [second]);
    first.queue({ fault: 'status-401' });
    const { status, said } = await ask(name, stream);
    expect(status).toBe(200);
    expect(decodeURIComponent(said('fallback') ?? '')).toBe(`${kind}-备用`);
    expect(said('attempts')).toBe('2');
    expect(gateway.records).toMatchObject([{ model: `${kind}-备用`, status: 'completed' }]);
  });

  it('asks an open circuit no more', async () => {
    const name = `${kind}-circuit`;
    addModel(name);
    first.queue(...Array.from({ length: 5 }, () => ({ fault: 'status-500' as const })));
    for (let call = 0; call < 8; call += 1) expect((await ask(name, stream)).status).toBe(200);
    expect(first.journal).toHaveLength(5);
  });
});

describe('GW-4 a stream that has begun', () => {
  it.each(['cut', 'early-end', 'error-later', 'malformed-frame'] as const)(
    'never switches after %s',
    async (fault) => {
      addModel(fault);
      first.queue({ fault });
      const { status, text } = await ask(fault, true);
      expect(status).toBe(200);
      expect(text).toContain('"error"');
      expect(second.journal).toHaveLength(0);
    },
  );

  it('GW-5 counts against its deployment when it is cut', async () => {
    addModel('cuts');
    first.queue(...Array.from({ length: 5 }, () => ({ fault: 'cut' as const })));
    for (let call = 0; call < 5; call += 1) await ask('cuts', true);
    expect((await ask('cuts', true)).said('deployment')).toBe('cuts-2');
  });
});

describe('GW-20 headers of an answer', () => {
  it.each([false, true])('tell our own time, not the upstream’s (stream: %s)', async (stream) => {
    addModel('slow');
    first.queue({ delayMs: 120 });
    const { said } = await ask('slow', stream);
    expect(said('overhead-ms')).toMatch(/^\d+\.\d{2}$/);
    expect(Number(said('overhead-ms'))).toBeLessThan(100);
    expect(said('cost-micros')).toBeNull();
  });

  it('name no deployment when none was asked', async () => {
    const embedder = { ...deployed('e', first), serves: new Set(['embeddings'] as const) };
    models.set('embedder', modelNamed('embedder', [embedder]));
    const { status, text, said } = await ask('embedder');
    expect(status).toBe(400);
    expect(JSON.parse(text).error).toMatchObject({ code: 'unsupported_endpoint', param: 'model' });
    expect(said('attempts')).toBeNull();
  });
});

describe('GW-11 the health of deployments', () => {
  it('is listed and measured', async () => {
    addModel('seen');
    first.queue({ fault: 'status-403' });
    await ask('seen');
    const listed = await fetch(`${gateway.baseUrl}/deployments/health`);
    expect(await listed.json()).toMatchObject({
      object: 'list',
      data: [
        { id: 'seen-1', name: 'seen-1', state: 'out', reason: 'credential_refused' },
        { id: 'seen-2', state: 'healthy', reason: null, retry_in_ms: 0, open_calls: 0 },
      ],
    });
    const text = await gateway.metrics.registry.metrics();
    expect(text).toContain('llamp_deployment_health{deployment="seen-1"} 0\n');
    expect(text).toContain('llamp_deployment_health{deployment="seen-2"} 1\n');
    expect(text).toMatch(/llamp_gateway_overhead_seconds_count [1-9]/);
  });
});
