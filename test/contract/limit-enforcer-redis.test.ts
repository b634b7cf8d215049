import { createClient } from 'redis';
import { openRedisEphemeralStore } from '../../src/adapters/ephemeral-store/redis.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { EphemeralStore } from '../../src/ports/ephemeral-store.ts';
import { freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';
import { createUsageSchema } from '../support/usage-schema.ts';
import { describeLimitEnforcers } from './limit-enforcer.ts';

describeWithLegs('two enforcers over Redis', ['redis', 'postgres'], ({ redis, postgres }) => {
  describeLimitEnforcers(async () => {
    const fresh = await freshPostgres(postgres);
    const database = await fresh.open();
    await createUsageSchema(database);
    const stores: [EphemeralStore, EphemeralStore] = [
      await openRedisEphemeralStore({ url: redis, log: silentLog }),
      await openRedisEphemeralStore({ url: redis, log: silentLog }),
    ];
    const client = createClient({ url: redis });
    await client.connect();
    return {
      database,
      stores,
      forget: async () => {
        await client.flushAll();
      },
      close: async () => {
        await Promise.all(stores.map((store) => store.close()));
        await client.close();
        await database.close();
        await fresh.dispose();
      },
    };
  });
});
