import { describe, expect, it } from 'vitest';
import {
  deploymentNamed,
  modelNamed,
  seededRandom,
  steppedClock,
} from '../../../../test/support/routed-deployments.ts';
import { silentLog } from '../../../lib/log.ts';
import type { Model } from '../../models/index.ts';
import { failure } from '../upstream-failure.ts';
import { CallRouter, type DeploymentCost } from './call-router.ts';
import { DeploymentHealth } from './deployment-health.ts';

const REQUEST = { projectId: 'p', endpoint: 'chat.completions', json: {} } as const;

function routed(model: Model, cost?: DeploymentCost) {
  const clock = steppedClock();
  const health = new DeploymentHealth({ clock, log: silentLog });
  const catalogue = { find: () => undefined, list: () => [model] };
  const router = new CallRouter({ catalogue, health, clock, random: seededRandom(7), cost });
  const next = (streamed = false) => router.route(model, REQUEST, streamed).first().deployment;
  return { router, health, clock, next };
}

/** Percent of 10 000 calls that each deployment got. */
function sharesOf(next: () => { name: string }) {
  const counts: Record<string, number> = {};
  for (let call = 0; call < 10_000; call += 1) {
    const { name } = next();
    counts[name] = (counts[name] ?? 0) + 1;
  }
  const percent = (count: number) => count / 100;
  return Object.fromEntries(Object.entries(counts).map(([name, n]) => [name, percent(n)]));
}

const weighted = (name: string, weight: number) => deploymentNamed(name, { weight });
const A = deploymentNamed('a');
const B = deploymentNamed('b');
const C = deploymentNamed('c');

describe('GW-20 GW-4 weighted', () => {
  it('gives each its share within 1.5 points over 10 000 calls', () => {
    const pool = [weighted('a', 5), weighted('b', 3), weighted('c', 2), weighted('none', 0)];
    const { next } = routed(modelNamed('m', pool, { strategy: 'weighted' }));
    const shares = sharesOf(next);
    expect(shares['none']).toBeUndefined();
    for (const [name, share] of [['a', 50] as const, ['b', 30] as const, ['c', 20] as const])
      expect(Math.abs((shares[name] ?? 0) - share)).toBeLessThan(1.5);
  });

  it('uses weight 0 when nobody else is left', () => {
    const { next } = routed(modelNamed('m', [weighted('a', 0)], { strategy: 'weighted' }));
    expect(next().name).toBe('a');
  });
});

describe('GW-20 ordered', () => {
  it('takes the first', () => {
    const { next } = routed(modelNamed('m', [B, A]));
    expect(sharesOf(next)).toEqual({ b: 100 });
  });
});

describe('GW-20 least busy', () => {
  it('fills the emptiest, by share of weight', () => {
    const pool = [weighted('a', 2), weighted('b', 1)];
    const { router, next } = routed(modelNamed('m', pool, { strategy: 'least-busy' }));
    const taken: string[] = [];
    for (let call = 0; call < 6; call += 1) {
      const deployment = next();
      router.begin(deployment);
      taken.push(deployment.name);
    }
    expect(taken.filter((name) => name === 'a')).toHaveLength(4);
  });

  it('counts a call only while it is open', () => {
    const { router, next } = routed(modelNamed('m', [A, B], { strategy: 'least-busy' }));
    router.begin(A);
    router.begin(B).ended('ok', undefined);
    for (let call = 0; call < 20; call += 1) expect(next().name).toBe('b');
  });
});

describe('GW-20 lowest latency', () => {
  const model = (...pool: (typeof A)[]) => modelNamed('m', pool, { strategy: 'lowest-latency' });

  it('prefers what answers sooner, for streams by their first token', () => {
    const { router, next } = routed(model(A, B));
    router.begin(A).answer(900);
    router.begin(B).answer(100);
    router.begin(A).firstToken(10);
    router.begin(B).firstToken(50);
    for (let call = 0; call < 20; call += 1) {
      expect(next(false).name).toBe('b');
      expect(next(true).name).toBe('a');
    }
  });

  it('sends one call to find out what it does not know', () => {
    const { router, next } = routed(model(A, B));
    router.begin(A).answer(300);
    expect(next().name).toBe('b');
    router.begin(B);
    for (let call = 0; call < 20; call += 1) expect(next().name).toBe('a');
  });

  it('tries what it does not know, and what it has not asked for long', () => {
    const { router, next, clock } = routed(model(A, B));
    router.begin(A).answer(5);
    expect(next().name).toBe('b');
    router.begin(B).answer(400);
    expect(next().name).toBe('a');
    clock.advance(240_000);
    router.begin(A).answer(5);
    expect(next().name).toBe('b');
  });

  it('follows what changes', () => {
    const { router, next, clock } = routed(model(A, B));
    router.begin(A).answer(100);
    router.begin(B).answer(200);
    for (let call = 0; call < 10; call += 1) {
      clock.advance(1_000);
      router.begin(A).answer(1_000);
      router.begin(B).answer(200);
    }
    expect(next().name).toBe('b');
  });

  it('compares two of several, so that not everybody runs to one', () => {
    const { router, next } = routed(model(A, B, C));
    router.begin(A).answer(10);
    router.begin(B).answer(20);
    router.begin(C).answer(30);
    const shares = sharesOf(next);
    expect(shares['c']).toBeUndefined();
    expect(shares['a']).toBeGreaterThan(60);
    expect(shares['b']).toBeGreaterThan(25);
  });
});

describe('GW-20 lowest cost', () => {
  it('takes the cheapest; an unknown price comes last and equals share', () => {
    const costs: Record<string, number | undefined> = { a: 30, b: 10, c: 10 };
    const unpriced = deploymentNamed('d');
    const model = modelNamed('m', [unpriced, A, B, C], { strategy: 'lowest-cost' });
    const { next } = routed(model, ({ name }) => costs[name]);
    const shares = sharesOf(next);
    expect(Object.keys(shares).sort()).toEqual(['b', 'c']);
    expect(Math.abs((shares['b'] ?? 0) - 50)).toBeLessThan(1.5);
  });

  it('shares by weight where no price is known', () => {
    const pool = [weighted('a', 3), weighted('b', 1)];
    const { next } = routed(modelNamed('m', pool, { strategy: 'lowest-cost' }));
    expect(Math.abs((sharesOf(next)['a'] ?? 0) - 75)).toBeLessThan(1.5);
  });
});

describe('GW-20 affinity of a conversation', () => {
  it('outweighs the strategy, leaves only an outage, and comes back', () => {
    const model = modelNamed('m', [A, B, C], { strategy: 'weighted', affinity: true });
    const { router, clock } = routed(model);
    const placed = () =>
      Array.from({ length: 300 }, (_, index) => {
        const request = { ...REQUEST, json: { user: `u${index}` } };
        return router.route(model, request, false).first().deployment.name;
      });
    const before = placed();
    expect(new Set(before)).toEqual(new Set(['a', 'b', 'c']));
    expect(placed()).toEqual(before);
    for (let call = 0; call < 5; call += 1) router.begin(B).ended('truncated', undefined);
    const during = placed();
    expect(during).not.toContain('b');
    expect(during.filter((name, index) => name === before[index])).toEqual(
      before.filter((name) => name !== 'b'),
    );
    clock.advance(15_000);
    router.begin(B).answer(1);
    expect(placed()).toEqual(before);
  });

  it('tries another deployment when its own fails', () => {
    const model = modelNamed('m', [A, B], { affinity: true });
    const { router } = routed(model);
    const route = router.route(model, { ...REQUEST, json: { user: 'u' } }, false);
    const first = route.first().deployment;
    const failed = failure('reset', 'upstream_error', { message: 'm', retryable: true });
    expect(route.after(failed)?.deployment).not.toBe(first);
    expect(route.after(failed)).toBeUndefined();
  });
});

describe('GW-4 tiers', () => {
  it('are used in ascending order, the higher one only while the lower is out', () => {
    const pool = [deploymentNamed('spare', { tier: 2 }), A, B];
    const { router, next, clock } = routed(modelNamed('m', pool, { strategy: 'weighted' }));
    expect(Object.keys(sharesOf(next)).sort()).toEqual(['a', 'b']);
    for (const deployment of [A, B]) {
      for (let call = 0; call < 5; call += 1)
        router.begin(deployment).ended('truncated', undefined);
    }
    expect(sharesOf(next)).toEqual({ spare: 100 });
    clock.advance(15_000);
    expect(Object.keys(sharesOf(next)).sort()).toEqual(['a', 'b']);
  });
});

describe('what a model does not serve', () => {
  const embedder = deploymentNamed('e', { serves: new Set(['embeddings']) });

  it('is a 400 that names the model', () => {
    const { next } = routed(modelNamed('m', [embedder]));
    expect(next).toThrow(
      expect.objectContaining({ code: 'unsupported_endpoint', status: 400, param: 'model' }),
    );
  });

  it('leaves the deployments that do', () => {
    const { next } = routed(modelNamed('m', [embedder, A]));
    expect(next().name).toBe('a');
  });
});
