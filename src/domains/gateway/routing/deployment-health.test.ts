import { describe, expect, it } from 'vitest';
import { recordingLog } from '../../../../test/support/recording-log.ts';
import {
  deploymentNamed,
  modelNamed,
  steppedClock,
} from '../../../../test/support/routed-deployments.ts';
import type { Deployment } from '../../models/index.ts';
import { failure, type UpstreamOutcome } from '../upstream-failure.ts';
import { CallRouter } from './call-router.ts';
import { DeploymentHealth, type HealthChange } from './deployment-health.ts';

const A = deploymentNamed('a', { credentialId: 'shared' });
const B = deploymentNamed('b', { credentialId: 'shared' });
const C = deploymentNamed('c');

function observed() {
  const clock = steppedClock();
  const { log, lines } = recordingLog();
  const health = new DeploymentHealth({ clock, log });
  const changes: HealthChange[] = [];
  health.onChange((change) => changes.push(change));
  const model = modelNamed('m', [A, B, C]);
  const catalogue = { find: () => undefined, list: () => [model] };
  const router = new CallRouter({ catalogue, health, clock, random: () => 0 });
  const fail = (deployment: Deployment, outcome: UpstreamOutcome, retryAfterMs?: number) =>
    router
      .begin(deployment)
      .ended(outcome, failure(outcome, 'upstream_error', { message: 'm', retryAfterMs }));
  const refuse = (deployment: Deployment) =>
    router
      .begin(deployment)
      .ended('4xx', failure('4xx', 'upstream_authentication_failed', { message: 'm' }));
  const succeed = (deployment: Deployment) => {
    const attempt = router.begin(deployment);
    attempt.answer(1);
    attempt.ended('ok', undefined);
  };
  const messages = () => lines.map(({ level, message }) => `${level}: ${message}`);
  return { clock, health, router, changes, messages, fail, refuse, succeed };
}

describe('GW-4 a refused credential', () => {
  it('is out for all its deployments for a minute, then is probed by one call at a time', () => {
    const { health, clock, router, refuse, succeed, messages } = observed();
    refuse(A);
    expect([A, B, C].map((each) => health.verdict(each))).toEqual(['out', 'out', 'healthy']);
    clock.advance(59_999);
    expect(health.verdict(B)).toBe('out');
    clock.advance(1);
    expect(health.verdict(B)).toBe('probe');
    const probe = router.begin(B);
    expect([health.verdict(A), health.verdict(B)]).toEqual(['out', 'out']);
    probe.ended('aborted', undefined);
    expect(health.verdict(A)).toBe('probe');
    succeed(A);
    expect([health.verdict(A), health.verdict(B)]).toEqual(['healthy', 'healthy']);
    expect(messages()).toEqual([
      'warn: a credential is out of rotation',
      'info: a credential is back in rotation',
    ]);
  });

  it('stays out when its probe is refused', () => {
    const { health, clock, refuse } = observed();
    refuse(A);
    clock.advance(60_000);
    refuse(B);
    expect(health.verdict(A)).toBe('out');
    clock.advance(60_000);
    expect(health.verdict(A)).toBe('probe');
  });

  it('is not proven by a call that began before the refusal', () => {
    const { health, router, refuse } = observed();
    const older = router.begin(A);
    refuse(A);
    older.answer(1);
    older.ended('ok', undefined);
    expect(health.verdict(A)).toBe('out');
  });

  it('may also be one without money', () => {
    const { health, router } = observed();
    const empty = failure('429', 'upstream_rate_limited', { message: 'm' });
    router.begin(A).ended('429', Object.assign(empty, { code: 'insufficient_quota' }));
    expect(health.verdict(B)).toBe('out');
  });
});

describe('GW-4 a rate limit', () => {
  it.each([
    ['as long as the upstream says', 5_000, 5_000],
    ['a second when it says nothing', undefined, 1_000],
    ['a minute at most', 3_600_000, 60_000],
  ])('cools one deployment down for %s', (_name, retryAfterMs, expectedMs) => {
    const { health, clock, fail, messages } = observed();
    fail(A, '429', retryAfterMs);
    expect([health.verdict(A), health.verdict(B)]).toEqual(['out', 'healthy']);
    clock.advance(expectedMs - 1);
    expect(health.verdict(A)).toBe('out');
    clock.advance(1);
    expect(health.verdict(A)).toBe('healthy');
    expect(messages().at(-1)).toBe('info: a deployment is back in rotation');
  });

  it('is waited for where a 503 says when to come back', () => {
    const { health, clock, fail } = observed();
    fail(A, '5xx', 2_000);
    expect(health.verdict(A)).toBe('out');
    clock.advance(2_000);
    expect(health.verdict(A)).toBe('healthy');
  });
});

describe('GW-4 the circuit of a deployment', () => {
  it.each(['5xx', 'timeout', 'unreachable', 'reset', 'garbage', 'truncated'] as const)(
    'opens after five times %s, for 15 s and one probe',
    (outcome) => {
      const { health, clock, fail, succeed } = observed();
      for (let count = 0; count < 4; count += 1) fail(A, outcome);
      expect(health.verdict(A)).toBe('healthy');
      fail(A, outcome);
      expect(health.verdict(A)).toBe('out');
      clock.advance(15_000);
      expect(health.verdict(A)).toBe('probe');
      fail(A, outcome);
      expect(health.verdict(A)).toBe('out');
      clock.advance(15_000);
      succeed(A);
      expect(health.verdict(A)).toBe('healthy');
      fail(A, outcome);
      expect(health.verdict(A)).toBe('healthy');
    },
  );

  it('stays closed when failures lie further apart than 30 s', () => {
    const { health, clock, fail } = observed();
    for (let count = 0; count < 20; count += 1) {
      fail(A, '5xx');
      clock.advance(7_600);
    }
    expect(health.verdict(A)).toBe('healthy');
  });

  it('stays closed for a busy deployment that fails now and then', () => {
    const { health, fail, succeed } = observed();
    for (let count = 0; count < 100; count += 1) {
      fail(A, '5xx');
      succeed(A);
      succeed(A);
    }
    expect(health.verdict(A)).toBe('healthy');
  });

  it.each(['4xx', 'overloaded', 'aborted'] as const)('does not count %s', (outcome) => {
    const { health, fail } = observed();
    for (let count = 0; count < 20; count += 1) fail(A, outcome);
    expect(health.verdict(A)).toBe('healthy');
  });

  it('is closed by the first event of a stream, long before its end', () => {
    const { health, clock, router, fail } = observed();
    for (let count = 0; count < 5; count += 1) fail(A, '5xx');
    clock.advance(15_000);
    const stream = router.begin(A);
    stream.firstToken(20);
    expect(health.verdict(A)).toBe('healthy');
    stream.ended('ok', undefined);
    expect(health.verdict(A)).toBe('healthy');
  });

  it('does not open for defects of ours', () => {
    const { health, router } = observed();
    for (let count = 0; count < 20; count += 1) router.begin(A).ended('5xx', new TypeError('d'));
    expect(health.verdict(A)).toBe('healthy');
  });
});

describe('what others are told', () => {
  it('is every change once, however many calls found it out together', () => {
    const { changes, refuse, clock, succeed } = observed();
    for (let count = 0; count < 50; count += 1) refuse(A);
    clock.advance(60_000);
    succeed(B);
    expect(changes).toEqual([
      {
        subject: 'credential',
        id: 'shared',
        state: 'out',
        reason: 'credential_refused',
        forMs: 60_000,
        needsProbe: true,
      },
      { subject: 'credential', id: 'shared', state: 'back' },
    ]);
  });
});

describe('GW-11 the health of each deployment', () => {
  it('is visible with its reason and the time that is left', () => {
    const { router, clock, refuse, fail } = observed();
    refuse(A);
    fail(C, '429', 8_000);
    router.begin(C);
    clock.advance(1_000);
    const shown = () =>
      router.deployments().map(({ deployment, state, reason, retryInMs, openCalls }) => {
        return [deployment.name, state, reason, retryInMs, openCalls];
      });
    expect(shown()).toEqual([
      ['a', 'out', 'credential_refused', 59_000, 0],
      ['b', 'out', 'credential_refused', 59_000, 0],
      ['c', 'out', 'rate_limited', 7_000, 1],
    ]);
    clock.advance(59_000);
    expect(shown()).toEqual([
      ['a', 'probing', 'credential_refused', 0, 0],
      ['b', 'probing', 'credential_refused', 0, 0],
      ['c', 'healthy', null, 0, 1],
    ]);
  });
});
