import { describe, expect, it } from 'vitest';
import {
  deploymentNamed,
  modelNamed,
  steppedClock,
} from '../../../test/support/routed-deployments.ts';
import { silentLog } from '../../lib/log.ts';
import type { Model } from '../models/index.ts';
import { callWithRetries } from './router.ts';
import { CallRouter } from './routing/call-router.ts';
import { DeploymentHealth } from './routing/deployment-health.ts';
import { failure, type UpstreamOutcome } from './upstream-failure.ts';

const failing = (details: { retryable?: boolean; retryAfterMs?: number } = {}) =>
  failure('5xx', 'upstream_error', { message: 'm', retryable: true, ...details });
const ofOutcome = (outcome: UpstreamOutcome) =>
  failure(outcome, 'upstream_error', { message: 'm' });

/** A plan over one model, whose attempts are told to health as the meter tells them. */
function planned(model: Model, others: readonly Model[] = []) {
  const clock = steppedClock();
  const health = new DeploymentHealth({ clock, log: silentLog });
  const models = new Map([model, ...others].map((each) => [each.name, each]));
  const catalogue = { find: (name: string) => models.get(name), list: () => [...models.values()] };
  const random = () => 0.5;
  const router = new CallRouter({ catalogue, health, clock, random });
  const gone = new AbortController();
  const tried: string[] = [];
  const call = async (answers: (name: string, number: number) => unknown) => {
    const request = { projectId: 'p', endpoint: 'chat.completions', json: {} } as const;
    const route = router.route(model, request, false);
    const plan = { route, signal: gone.signal, clock, random };
    return callWithRetries(plan, async ({ deployment }) => {
      tried.push(deployment.name);
      const attempt = router.begin(deployment);
      const answer = answers(deployment.name, tried.length);
      if (typeof answer === 'string') {
        attempt.ended('ok', undefined);
        return answer;
      }
      attempt.ended('5xx', answer);
      throw answer;
    });
  };
  return { call, tried, clock, gone, health };
}

const named = (...names: string[]) => names.map((name) => deploymentNamed(name));

describe('callWithRetries', () => {
  it('tries a single deployment twice, with a pause', async () => {
    const { call, tried, clock } = planned(modelNamed('m', named('a')));
    await expect(call(() => failing())).rejects.toMatchObject({ code: 'upstream_error' });
    expect(tried).toEqual(['a', 'a']);
    expect(clock.slept).toEqual([100]);
  });

  it('goes to the next deployment at once', async () => {
    const { call, clock } = planned(modelNamed('m', named('a', 'b', 'c')));
    const answer = await call((name) => (name === 'c' ? name : failing()));
    expect(answer).toBe('c');
    expect(clock.slept).toEqual([]);
  });

  it('reports the last failure', async () => {
    const { call } = planned(modelNamed('m', named('a', 'b')));
    const last = failing();
    await expect(call((name) => (name === 'b' ? last : failing()))).rejects.toBe(last);
  });

  it.each([
    ['is not retryable', failing({ retryable: false })],
    ['is no error of an upstream', new TypeError('a defect')],
  ])('does not repeat what %s', async (_name, error) => {
    const { call, tried } = planned(modelNamed('m', named('a', 'b')));
    await expect(call(() => error)).rejects.toBe(error);
    expect(tried).toEqual(['a']);
  });

  it('does not wait long for a single deployment', async () => {
    const { call, tried } = planned(modelNamed('m', named('a')));
    await expect(call(() => failing({ retryAfterMs: 1_500 }))).rejects.toBeDefined();
    expect(tried).toEqual(['a']);
  });

  it.each(['429', 'timeout', 'overloaded'] as const)(
    'tries what ended with %s elsewhere, not again',
    async (outcome) => {
      const { call, tried } = planned(modelNamed('m', named('a', 'b')));
      await expect(call(() => ofOutcome(outcome))).rejects.toMatchObject({ outcome });
      expect(tried).toEqual(['a', 'b']);
    },
  );

  it('stops with the reason of the abort', async () => {
    const { call, gone, tried } = planned(modelNamed('m', named('a', 'b')));
    const reason = new Error('gone');
    const answer = call(() => {
      gone.abort(reason);
      return failing();
    });
    await expect(answer).rejects.toBe(reason);
    expect(tried).toEqual(['a']);
  });
});

describe('GW-4 fallbacks', () => {
  const fallbackTo = (...fallbacks: string[]) => ({ fallbacks });

  it('come after every deployment of the model, in order, each model once', async () => {
    const first = modelNamed('m', named('a', 'b'), fallbackTo('n', 'unknown', 'o'));
    const second = modelNamed('n', named('c'), fallbackTo('m', 'p'));
    const others = [second, modelNamed('o', named('d')), modelNamed('p', named('e'))];
    const { call, tried } = planned(first, others);
    await expect(call(() => ofOutcome('timeout'))).rejects.toMatchObject({ outcome: 'timeout' });
    expect(tried).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('come after a second try of a lone deployment that may have stumbled', async () => {
    const { call, tried } = planned(modelNamed('m', named('a'), fallbackTo('n')), [
      modelNamed('n', named('b')),
    ]);
    expect(await call((name) => (name === 'b' ? name : failing()))).toBe('b');
    expect(tried).toEqual(['a', 'a', 'b']);
  });

  it('are skipped where they do not serve the endpoint', async () => {
    const embedder = deploymentNamed('e', { serves: new Set(['embeddings']) });
    const first = modelNamed('m', named('a', 'b'), fallbackTo('n', 'o'));
    const { call, tried } = planned(first, [
      modelNamed('n', [embedder]),
      modelNamed('o', named('c')),
    ]);
    expect(await call((name) => (name === 'c' ? name : failing()))).toBe('c');
    expect(tried).toEqual(['a', 'b', 'c']);
  });

  it('end after ten attempts', async () => {
    const many = modelNamed('m', named(...'abcdefghijklmnop'));
    const { call, tried } = planned(many);
    await expect(call(() => failing())).rejects.toBeDefined();
    expect(tried).toHaveLength(10);
  });
});
