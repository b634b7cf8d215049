import { openRedisEphemeralStore } from '../../src/adapters/ephemeral-store/redis.ts';
import { silentLog } from '../../src/lib/log.ts';
import { describeWithLegs } from '../support/legs.ts';
import { describeSharedHealth } from './deployment-health.ts';

describeWithLegs('deployment health over Redis', ['redis'], ({ redis: url }) => {
  describeSharedHealth(async () => {
    const [here, there] = await Promise.all([
      openRedisEphemeralStore({ url, log: silentLog }),
      openRedisEphemeralStore({ url, log: silentLog }),
    ]);
    return {
      here,
      there,
      close: async () => {
        await Promise.all([here.close(), there.close()]);
      },
    };
  });
});
