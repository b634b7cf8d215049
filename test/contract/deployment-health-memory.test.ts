import { describe, expect, it } from 'vitest';
import { createMemoryEphemeralStore } from '../../src/adapters/ephemeral-store/memory.ts';
import { DeploymentHealth } from '../../src/domains/gateway/routing/deployment-health.ts';
import { HealthExchange } from '../../src/domains/gateway/routing/health-exchange.ts';
import { failure } from '../../src/domains/gateway/upstream-failure.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { EphemeralStore } from '../../src/ports/ephemeral-store.ts';
import { deploymentNamed, steppedClock } from '../support/routed-deployments.ts';
import { describeSharedHealth } from './deployment-health.ts';

describe('deployment health in memory', () => {
  describeSharedHealth(async () => {
    const store = createMemoryEphemeralStore({ log: silentLog });
    return { here: store, there: store, close: () => store.close() };
  });

  it('GW-4 works without a store that answers', async () => {
    const away = async () => {
      throw new Error('away');
    };
    const memory = createMemoryEphemeralStore({ log: silentLog });
    const store: EphemeralStore = Object.assign(Object.create(memory), {
      publish: away,
      subscribe: away,
    });
    const clock = steppedClock();
    const health = new DeploymentHealth({ clock, log: silentLog });
    const exchange = new HealthExchange({ store, health, clock, log: silentLog });
    await exchange.ready();
    const refused = failure('4xx', 'upstream_authentication_failed', { message: 'm' });
    const deployment = deploymentNamed('a');
    health.ended(deployment, '4xx', refused, undefined);
    expect(health.verdict(deployment)).toBe('out');
    await exchange.close();
    await memory.close();
  });
});
