import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { deploymentNamed, modelNamed } from '../../../../test/support/routed-deployments.ts';
import {
  type ScriptedProvider,
  startScriptedProvider,
} from '../../../../test/support/scripted-provider.ts';
import {
  type BareGateway,
  startBareGateway,
} from '../../../../test/support/scripted-provider/bare-gateway.ts';
import { AppError } from '../../../lib/app-error.ts';
import { estimatePrompt } from '../token-estimate.ts';
import type { AdmissionRequest, LimitEnforcer } from './admission.ts';

const REMAINING = { 'x-ratelimit-remaining-tokens': '123' };
const MESSAGES = [{ role: 'user', content: 'how are you today?' }];

let upstream: ScriptedProvider;
let gateway: BareGateway;
const asked: AdmissionRequest[] = [];
const outcomes: unknown[] = [];
let refusal: AppError | undefined;

/** Keeps what calls ask for and what becomes of it. */
const limits: LimitEnforcer = {
  applies: (_principal, model) => model !== 'unlimited',
  admit: async (request) => {
    asked.push(request);
    if (refusal !== undefined) throw refusal;
    return {
      settle: (actual) => void outcomes.push(actual),
      release: () => void outcomes.push('released'),
      headers: REMAINING,
    };
  },
};

beforeAll(async () => {
  upstream = await startScriptedProvider();
  const endpoint = { baseUrl: upstream.baseUrl, apiKey: upstream.apiKey };
  const upstreamModel = 'scripted-chat';
  const deployments = ['a', 'b'].map((name) => deploymentNamed(name, { endpoint, upstreamModel }));
  const find = (name: string) => modelNamed(name, deployments);
  const catalogue = { find, resolve: async (name: string) => find(name), list: () => [] };
  gateway = await startBareGateway({
    catalogue,
    inference: {
      limits,
      prices: {
        costMicros: (_model, counts) => ({
          costMicros: counts.promptTokens * 10 + counts.completionTokens * 100,
          priceVersion: 'price_1',
        }),
      },
    },
  });
});

afterEach(() => {
  asked.length = 0;
  outcomes.length = 0;
  gateway.records.length = 0;
  upstream.journal.length = 0;
  refusal = undefined;
});

afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const post = (json: object, init?: RequestInit) =>
  gateway.post('/chat/completions', { model: 'm', messages: MESSAGES, ...json }, init);

describe('the admission of a call', () => {
  it.each([false, true])(
    'is asked for once and settled once with what was used (stream: %s)',
    async (stream) => {
      upstream.queue({ fault: 'status-500' });
      const response = await post({ stream, max_tokens: 50 });
      await response.text();
      const [record] = gateway.records;
      const tokens = (record?.promptTokens ?? 0) + (record?.completionTokens ?? 0);
      const costMicros = (record?.promptTokens ?? 0) * 10 + (record?.completionTokens ?? 0) * 100;
      expect(tokens).toBeGreaterThan(0);
      expect(outcomes).toEqual([{ tokens, costMicros }]);
      const promptTokens = estimatePrompt({ messages: MESSAGES });
      expect(asked).toMatchObject([
        {
          model: 'm',
          principal: { projectId: 'proj_1' },
          estimatedTokens: promptTokens + 50,
          estimatedCostMicros: promptTokens * 10 + 5_000,
        },
      ]);
      expect(response.headers.get('x-ratelimit-remaining-tokens')).toBe('123');
      expect(response.headers.get('x-llamp-attempts')).toBe('2');
      const cost = response.headers.get('x-llamp-cost-micros');
      expect(cost).toBe(stream ? null : String(costMicros));
    },
  );

  it('takes a call without a limit of its own for 256 tokens long', async () => {
    await (await post({})).text();
    expect(asked[0]?.estimatedTokens).toBe(estimatePrompt({ messages: MESSAGES }) + 256);
  });

  it.each([false, true])('is released when the call fails (stream: %s)', async (stream) => {
    upstream.queue({ fault: 'status-400' });
    const response = await post({ stream });
    await response.text();
    expect(response.status).toBe(400);
    expect(outcomes).toEqual(['released']);
    expect(response.headers.get('x-ratelimit-remaining-tokens')).toBe('123');
  });

  it('is settled with what came of a stream that was cut', async () => {
    upstream.queue({ fault: 'cut', frames: 3 });
    await (await post({ stream: true })).text();
    const [record] = gateway.records;
    expect(record?.status).toBe('truncated');
    const tokens = (record?.promptTokens ?? 0) + (record?.completionTokens ?? 0);
    expect(outcomes).toMatchObject([{ tokens }]);
  });

  it.each([false, true])(
    'GW-5 is settled once when the client leaves (stream: %s)',
    async (stream) => {
      upstream.queue({ fault: 'hang' });
      const leaving = new AbortController();
      const answer = post({ stream }, { signal: leaving.signal });
      answer.catch(() => undefined);
      await upstream.waitFor((journal) => journal.length === 1);
      leaving.abort();
      await expect(answer).rejects.toThrow();
      await expect.poll(() => outcomes.length).toBe(1);
      expect(outcomes).not.toEqual(['released']);
      expect(gateway.records).toMatchObject([{ status: 'aborted' }]);
    },
  );

  it.each([false, true])('that is refused reaches no upstream (stream: %s)', async (stream) => {
    refusal = new AppError({
      code: 'rate_limit_exceeded',
      status: 429,
      message: 'Too many requests.',
      retryAfterMs: 4_000,
      headers: { 'x-ratelimit-remaining-requests': '0' },
    });
    const response = await post({ stream });
    expect(response.status).toBe(429);
    expect(JSON.parse(await response.text()).error.code).toBe('rate_limit_exceeded');
    expect(response.headers.get('retry-after')).toBe('4');
    expect(response.headers.get('x-ratelimit-remaining-requests')).toBe('0');
    expect([upstream.journal, outcomes, gateway.records]).toEqual([[], [], []]);
  });

  it('is not asked for where no limit applies', async () => {
    const response = await post({ model: 'unlimited' });
    expect(response.status).toBe(200);
    expect([asked, outcomes]).toEqual([[], []]);
  });
});
