import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  openRedisEphemeralStore,
  type RedisEphemeralStore,
} from '../../src/adapters/ephemeral-store/redis.ts';
import { silentLog } from '../../src/lib/log.ts';
import { EphemeralStoreUnavailableError } from '../../src/ports/ephemeral-store.ts';
import { describeWithLegs } from '../support/legs.ts';
import { describeEphemeralStore } from './ephemeral-store.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const QUICK = { timeoutMs: 50 };
const RECOVERY = { timeout: 15_000, interval: 50 };

describeWithLegs('RedisEphemeralStore', ['redis'], ({ redis: url }) => {
  describeEphemeralStore(async () => {
    const store = await openRedisEphemeralStore({ url, log: silentLog });
    const other = await openRedisEphemeralStore({ url, log: silentLog });
    return {
      store,
      other,
      close: async () => {
        await Promise.all([store.close(), other.close()]);
      },
    };
  });

  describe('when Redis goes away', () => {
    let proxy: TcpProxy;
    let store: RedisEphemeralStore;
    beforeEach(async () => {
      const { hostname, port } = new URL(url);
      proxy = new TcpProxy({ host: hostname, port: Number(port) });
      await proxy.start();
      store = await openRedisEphemeralStore({
        url: `redis://127.0.0.1:${proxy.port}`,
        log: silentLog,
      });
    });
    afterEach(async () => {
      await store.close();
      await proxy.stop();
    });

    it('fails at once and works again after it is back', async () => {
      await store.check({ timeoutMs: 1_000 });
      await proxy.stop();
      await expectUnavailableWithin(200);
      await proxy.start();
      await vi.waitFor(() => store.get('x', { timeoutMs: 500 }), RECOVERY);
    });

    it('waits no longer than the time of a call when it stands still, and soon not at all', async () => {
      proxy.silence();
      for (let n = 0; n < 5; n += 1) await expectUnavailableWithin(500);
      const startedMs = performance.now();
      for (let n = 0; n < 200; n += 1) await expectUnavailableWithin(500);
      // One of them may be a probe.
      expect(performance.now() - startedMs).toBeLessThan(1_000);
    });

    it('drops a connection that stays silent and makes a new one', async () => {
      const heard: string[] = [];
      const channel = randomUUID();
      await store.subscribe(channel, (message) => heard.push(message));
      proxy.silence();
      proxy.endSilenceForNewConnections();
      await vi.waitFor(() => store.get('x', QUICK), RECOVERY);
      await vi.waitFor(async () => {
        await store.publish(channel, 'again', QUICK);
        expect(heard).toContain('again');
      }, RECOVERY);
    });

    it('subscribes again after a restart', async () => {
      const heard: string[] = [];
      const channel = randomUUID();
      await store.subscribe(channel, (message) => heard.push(message));
      await proxy.stop();
      await proxy.start();
      await vi.waitFor(async () => {
        await store.publish(channel, 'back', { timeoutMs: 500 });
        expect(heard).toContain('back');
      }, RECOVERY);
    });

    it('opens without Redis and finds it later', async () => {
      await proxy.stop();
      const early = await openRedisEphemeralStore({
        url: `redis://127.0.0.1:${proxy.port}`,
        log: silentLog,
      });
      await expect(early.get('x', QUICK)).rejects.toThrow(EphemeralStoreUnavailableError);
      await proxy.start();
      await vi.waitFor(() => early.check({ timeoutMs: 500 }), RECOVERY);
      await early.close();
    });

    it('answers an abort with its reason while it waits', async () => {
      proxy.silence();
      const abort = new AbortController();
      const call = store.get('x', { timeoutMs: 10_000, signal: abort.signal });
      abort.abort(new Error('changed my mind'));
      await expect(call).rejects.toThrow('changed my mind');
    });

    async function expectUnavailableWithin(limitMs: number): Promise<void> {
      const startedMs = performance.now();
      await expect(store.get('x', QUICK)).rejects.toThrow(EphemeralStoreUnavailableError);
      expect(performance.now() - startedMs).toBeLessThan(limitMs);
    }
  });
});
