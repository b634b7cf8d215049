import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithLegs } from '../support/legs.ts';
import { type ScriptedProvider, startScriptedProvider } from '../support/scripted-provider.ts';
import { type Cluster, startCluster } from '../support/servers/cluster.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { type Answer, call, chat, usageByRequest } from './api-client.ts';
import { until } from './llamp-process.ts';

const MODEL = 'scripted-chat';
const CALLS = 120;
const CONCURRENCY = 8;
const RECOVERY_MS = 30_000;
// None is reached: a call has to ask for each of them, and goes on when nobody answers.
const LIMITS = [
  { kind: 'requests', amount: 1_000_000 },
  { kind: 'tokens', amount: 100_000_000 },
  { kind: 'parallel', amount: 1_000 },
];
const NO_LIMITS = { REQUESTS_PER_SECOND: '10000', REQUEST_BURST: '10000' };

describeWithLegs(
  'GW-14 stores that go away under traffic',
  ['postgres', 'redis', 'minio', 'nginx'],
  (addresses) => {
    let upstream: ScriptedProvider;
    let redis: TcpProxy;
    let postgres: TcpProxy;
    let cluster: Cluster;
    beforeAll(async () => {
      upstream = await startScriptedProvider();
      redis = await proxyOf(addresses.redis);
      postgres = await proxyOf(addresses.postgres);
      cluster = await startCluster({
        addresses: {
          postgres: through(addresses.postgres, postgres),
          redis: through(addresses.redis, redis),
          minio: addresses.minio,
          nginx: addresses.nginx,
        },
        upstream,
        nginxSettings: NO_LIMITS,
      });
      for (const limit of LIMITS) await setLimit(cluster, limit);
    });
    afterAll(async () => {
      await cluster?.stop();
      await Promise.all([redis?.stop(), postgres?.stop()]);
      await upstream?.close();
    });

    test('Redis stands still: no call fails, and it is used again afterwards', async () => {
      redis.silence();
      expect(failed(await chats(cluster))).toEqual([]);
      redis.endSilenceForNewConnections();
      await untilStore(cluster, 'ephemeral store');
      expect(failed(await chats(cluster))).toEqual([]);
    });

    test('Redis is killed and comes back: no call fails', async () => {
      await redis.stop();
      expect(failed(await chats(cluster))).toEqual([]);
      await redis.start();
      await untilStore(cluster, 'ephemeral store');
      expect(failed(await chats(cluster))).toEqual([]);
    });

    test('GW-8 PostgreSQL is away: calls go on, and every record is written later', async () => {
      await postgres.stop();
      const answers = await chats(cluster);
      expect(failed(answers)).toEqual([]);
      const change = await call(cluster.url, {
        path: '/api/v1/keys',
        key: cluster.apiKey,
        json: { name: 'refused', scopes: ['inference'] },
      });
      expect(change.status).toBe(503);
      for (const { url } of cluster.instances) {
        expect((await call(url, { path: '/health/live' })).status).toBe(200);
        expect((await call(url, { path: '/health/ready' })).status).toBe(200);
      }
      await postgres.start();
      await until(async () => {
        const counts = await usageByRequest(cluster.url, cluster.apiKey).catch(() => undefined);
        return counts !== undefined && answers.every(({ requestId }) => counts.get(requestId) === 1)
          ? true
          : undefined;
      }, RECOVERY_MS);
    });
  },
);

async function setLimit({ url, apiKey: key }: Cluster, limit: object): Promise<void> {
  const json = { scope: 'model', scope_id: MODEL, ...limit };
  const answer = await call(url, { path: '/api/v1/limits', key, json });
  expect(answer.status, answer.text).toBe(201);
}

async function proxyOf(address: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(address);
  const proxy = new TcpProxy({ host: hostname, port: Number(port) });
  await proxy.start();
  return proxy;
}

function through(address: string, { port }: TcpProxy): string {
  const url = new URL(address);
  url.hostname = '127.0.0.1';
  url.port = `${port}`;
  return url.href.replace(/\/$/, '');
}

async function chats({ url, apiKey }: Cluster): Promise<Answer[]> {
  const answers: Answer[] = [];
  const worker = async () => {
    while (answers.length < CALLS) answers.push(await chat({ url, key: apiKey, model: MODEL }));
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return answers;
}

function failed(answers: readonly Answer[]): string[] {
  return answers
    .filter(({ status }) => status !== 200)
    .map(({ status, text }) => `${status} ${text}`);
}

async function untilStore({ instances }: Cluster, name: string): Promise<void> {
  for (const { url } of instances) {
    await until(async () => {
      const health = await call(url, { path: '/health' });
      const checks = health.json['checks'] as { name: string; status: string }[];
      return checks.find((check) => check.name === name)?.status === 'ok' ? true : undefined;
    }, RECOVERY_MS);
  }
}
