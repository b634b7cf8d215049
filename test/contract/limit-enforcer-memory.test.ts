import { describe } from 'vitest';
import { createMemoryEphemeralStore } from '../../src/adapters/ephemeral-store/memory.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { EphemeralStore } from '../../src/ports/ephemeral-store.ts';
import { freshPglite } from '../support/fresh-databases.ts';
import { createUsageSchema } from '../support/usage-schema.ts';
import { describeLimitEnforcers } from './limit-enforcer.ts';

describe('two enforcers over counters in memory', () => {
  describeLimitEnforcers(async () => {
    const fresh = await freshPglite();
    const database = await fresh.open();
    await createUsageSchema(database);
    const store = createMemoryEphemeralStore({ log: silentLog });
    const stores: [EphemeralStore, EphemeralStore] = [store, store];
    return {
      database,
      stores,
      forget: () => store.close(),
      close: async () => {
        await database.close();
        await fresh.dispose();
      },
    };
  });
});
