import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  DeploymentHealth,
  type HealthChange,
} from '../../src/domains/gateway/routing/deployment-health.ts';
import { HealthExchange } from '../../src/domains/gateway/routing/health-exchange.ts';
import { failure } from '../../src/domains/gateway/upstream-failure.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { EphemeralStore } from '../../src/ports/ephemeral-store.ts';
import { recordingLog } from '../support/recording-log.ts';
import { deploymentNamed, steppedClock } from '../support/routed-deployments.ts';

/** Two connections to the same store: one for each instance. */
export interface SharedStores {
  readonly here: EphemeralStore;
  readonly there: EphemeralStore;
  close(): Promise<void>;
}

const A = deploymentNamed('a', { credentialId: 'shared' });
const B = deploymentNamed('b', { credentialId: 'shared' });
const HEARD = { timeout: 2_000, interval: 5 };

/** What instances tell one another about deployments; the same over every store. */
export function describeSharedHealth(open: () => Promise<SharedStores>): void {
  let stores: SharedStores;
  let here: ReturnType<typeof instance>;
  let there: ReturnType<typeof instance>;

  beforeEach(async () => {
    stores = await open();
    here = instance(stores.here, 'here');
    there = instance(stores.there, 'there');
    await Promise.all([here.exchange.ready(), there.exchange.ready()]);
  });

  afterEach(async () => {
    await Promise.all([here.exchange.close(), there.exchange.close()]);
    await stores.close();
  });

  describe('GW-4 health that instances share', () => {
    it('takes a refused credential out on the other instance within 2 s, and back', async () => {
      refuse(here.health);
      await vi.waitFor(() => expect(there.health.verdict(B)).toBe('out'), HEARD);
      there.clock.advance(60_000);
      expect(there.health.verdict(B)).toBe('probe');
      const probed = there.health.begin(B);
      there.health.answered(B, probed);
      await vi.waitFor(() => expect(here.health.verdict(A)).toBe('healthy'), HEARD);
    });

    it('opens the circuit of a deployment on both', async () => {
      for (let count = 0; count < 5; count += 1) here.health.ended(A, 'truncated', undefined, []);
      await vi.waitFor(() => expect(there.health.verdict(A)).toBe('out'), HEARD);
      expect(there.health.verdict(B)).toBe('healthy');
      expect(there.health.status(A)).toMatchObject({ state: 'out', reason: 'failing' });
    });

    it('cools a deployment down on both, and no message is answered with another', async () => {
      const told: HealthChange[] = [];
      const heard = await stores.there.subscribe('llamp:health', (message) =>
        told.push(JSON.parse(message)),
      );
      const limited = failure('429', 'upstream_rate_limited', {
        message: 'm',
        retryAfterMs: 9_000,
      });
      here.health.ended(A, '429', limited, undefined);
      await vi.waitFor(() => expect(there.health.verdict(A)).toBe('out'), HEARD);
      await stores.here.publish('llamp:health', '{}', { timeoutMs: 1_000 });
      await vi.waitFor(() => expect(told).toHaveLength(2), HEARD);
      expect(told[0]).toMatchObject({ id: 'a', reason: 'rate_limited', forMs: 9_000 });
      await heard();
    });

    it.each([
      'no json',
      'null',
      '[]',
      '{"from":"x","subject":"deployment","id":"a","state":"out"}',
      '{"from":"x","subject":"deployment","id":"a","state":"out","reason":"failing","forMs":-1,"needsProbe":true}',
      '{"from":"x","subject":"planet","id":"a","state":"back"}',
    ])('ignores the message %s', async (message) => {
      await stores.here.publish('llamp:health', message, { timeoutMs: 1_000 });
      await vi.waitFor(() => expect(there.unreadable()).toBe(1), HEARD);
      expect(there.health.verdict(A)).toBe('healthy');
    });

    it('never takes a deployment out for more than a minute on the word of others', async () => {
      const week = { subject: 'deployment', id: 'a', state: 'out', forMs: 604_800_000 };
      const message = { from: 'x', ...week, reason: 'rate_limited', needsProbe: false };
      await stores.here.publish('llamp:health', JSON.stringify(message), { timeoutMs: 1_000 });
      await vi.waitFor(() => expect(there.health.verdict(A)).toBe('out'), HEARD);
      there.clock.advance(60_000);
      expect(there.health.verdict(A)).toBe('healthy');
    });
  });
}

function instance(store: EphemeralStore, name: string) {
  const clock = { ...steppedClock(), newId: () => name };
  const { log, lines } = recordingLog();
  const health = new DeploymentHealth({ clock, log: silentLog });
  const exchange = new HealthExchange({ store, health, clock, log });
  const unreadable = () => lines.filter(({ message }) => /cannot be read/.test(message)).length;
  return { clock, health, exchange, unreadable };
}

function refuse(health: DeploymentHealth): void {
  const refused = failure('4xx', 'upstream_authentication_failed', { message: 'm' });
  health.ended(A, '4xx', refused, undefined);
}
