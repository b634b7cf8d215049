import { describe, expect, it } from 'vitest';
import { createMemoryEphemeralStore } from '../../src/adapters/ephemeral-store/memory.ts';
import { silentLog } from '../../src/lib/log.ts';
import { describeEphemeralStore } from './ephemeral-store.ts';

describe('MemoryEphemeralStore', () => {
  describeEphemeralStore(async () => {
    const store = createMemoryEphemeralStore({ log: silentLog });
    return { store, other: store, close: () => store.close() };
  });

  it('forgets the least recently used values beyond its memory, and no lease', async () => {
    const store = createMemoryEphemeralStore({ log: silentLog, valuesBytesMax: 10_000 });
    const options = { timeoutMs: 100, ttlMs: 60_000 };
    await store.acquireLease('lease', 'owner', options);
    for (let n = 0; n < 100; n += 1) await store.set(`k${n}`, Buffer.alloc(1_000), options);
    expect(await store.get('k0', options)).toBeUndefined();
    expect(await store.get('k99', options)).toHaveLength(1_000);
    expect(await store.acquireLease('lease', 'other', options)).toBe(false);
  });
});
