import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithLegs } from '../support/legs.ts';
import { type ScriptedProvider, startScriptedProvider } from '../support/scripted-provider.ts';
import type { AppProcess } from '../support/servers/app-process.ts';
import { type Cluster, startCluster } from '../support/servers/cluster.ts';
import { instanceAt } from '../support/servers/installation.ts';
import { call } from './api-client.ts';
import { type SteadyLoad, startSteadyLoad } from './steady-load.ts';

const run = promisify(execFile);
const ROLLOUT = resolve('deployments/nginx/rollout.sh');
const PACED_STREAM = 'scripted:paceMs=100,frames=10';
// So that the load is steady instead of as much as the machine can do.
const PACED_ANSWER = 'scripted:delayMs=100';
const NO_LIMITS = { REQUESTS_PER_SECOND: '10000', REQUEST_BURST: '10000' };
const INSTANCES = 4;

describeWithLegs(
  'OP-3 changing instances under load',
  ['postgres', 'redis', 'minio', 'nginx'],
  (addresses) => {
    let upstream: ScriptedProvider;
    let cluster: Cluster;
    let hooks: Server;
    let blue: readonly AppProcess[];
    let green: readonly AppProcess[];

    beforeAll(async () => {
      upstream = await startScriptedProvider({ models: [PACED_ANSWER, PACED_STREAM] });
      cluster = await startCluster({
        addresses,
        upstream,
        instances: INSTANCES,
        nginxSettings: NO_LIMITS,
      });
      blue = cluster.instances.slice(0, 2);
      green = cluster.instances.slice(2);
      hooks = await serveHooks(cluster.instances);
      await rollout('set', addressesOf(blue));
      await Promise.all(green.map((instance) => instance.stop()));
    });
    afterAll(async () => {
      hooks?.close();
      await cluster?.stop();
      await upstream?.close();
    });

    const rollout = async (...args: string[]): Promise<string> => {
      const hook = `curl -fsS http://127.0.0.1:${(hooks.address() as AddressInfo).port}`;
      const { stdout } = await run(ROLLOUT, args, {
        timeout: 120_000,
        env: {
          ...cluster.nginx.rolloutVariables,
          START_INSTANCE: `${hook}/start -d`,
          STOP_INSTANCE: `${hook}/stop -d`,
        },
      });
      return stdout;
    };

    const startLoad = (): SteadyLoad =>
      startSteadyLoad({
        url: cluster.url,
        key: cluster.apiKey,
        streamModel: PACED_STREAM,
        postModel: PACED_ANSWER,
      });

    /** Runs a change while calls and streams go on before, during and after it: none may fail. */
    async function losesNothing(change: () => Promise<unknown>): Promise<void> {
      const load = startLoad();
      await load.nextTurn();
      await change().finally(() => load.nextTurn());
      const { streams, posts } = await load.stop();
      expect(posts.filter(({ status }) => status !== 200)).toEqual([]);
      expect(streams.filter(({ isComplete }) => !isComplete)).toEqual([]);
    }

    const wasStarted = async (instance: AppProcess) =>
      (await readFile(instance.logPath, 'utf8')).split('Llamp is ready').length - 1;

    test('OP-3 a rolling restart', async () => {
      await losesNothing(() => rollout('restart'));
      expect(await Promise.all(blue.map(wasStarted))).toEqual([2, 2]);
    });

    test('OP-3 a blue-green switch, and the way back', async () => {
      await losesNothing(() => rollout('switch', addressesOf(green)));
      expect(blue.map(({ group }) => group.hasExited())).toEqual([true, true]);
      expect(green.map(({ group }) => group.hasExited())).toEqual([false, false]);

      await losesNothing(() => rollout('rollback'));
      expect(blue.map(({ group }) => group.hasExited())).toEqual([false, false]);
      expect(green.map(({ group }) => group.hasExited())).toEqual([true, true]);
    });

    test('OP-3 instances that do not become ready change nothing', async () => {
      const configurationPath = join(cluster.nginx.directory, 'nginx.conf');
      const before = await readFile(configurationPath, 'utf8');
      const nobody = '127.0.0.1:1';
      await expect(rollout('switch', nobody)).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`not all of ${nobody} became ready`),
      });
      expect(await readFile(configurationPath, 'utf8')).toBe(before);
    });

    test('OP-3 an instance that is killed takes nothing but its own calls with it', async () => {
      const victim = instanceAt(blue, 0);
      const load = startLoad();
      await load.nextTurn();
      await victim.kill();
      const idempotent = await Promise.all(
        Array.from({ length: 50 }, () =>
          call(cluster.url, { path: '/v1/models', key: cluster.apiKey }),
        ),
      );
      await load.nextTurn();
      const { streams, posts } = await load.stop();
      await victim.start();

      expect(new Set(idempotent.map(({ status }) => status))).toEqual(new Set([200]));
      const instanceOf = await instancesByRequest(cluster);
      const failed = posts.filter(({ status }) => status !== 200);
      const broken = streams.filter(({ isComplete }) => !isComplete);
      expect(broken.length).toBeGreaterThan(0);
      for (const { requestId, cut } of [...failed, ...broken].map(withCut)) {
        expect([requestId, instanceOf.get(requestId)]).toEqual([
          requestId,
          new URL(victim.url).host,
        ]);
        // Each is told: an error object, or an end that no client takes for a whole answer.
        expect(cut).toMatch(/Invalid EOF state|closed|aborted|"code":"service_unavailable"/);
      }
    });
  },
);

const withCut = (outcome: { requestId: string; cut?: string; text?: string }) => ({
  requestId: outcome.requestId,
  cut: outcome.cut ?? outcome.text ?? '',
});

const addressesOf = (instances: readonly AppProcess[]) =>
  instances.map(({ url }) => new URL(url).host).join(' ');

/** What rollout.sh calls to start and stop an instance. */
async function serveHooks(instances: readonly AppProcess[]): Promise<Server> {
  const server = createServer((request, response) => {
    textOf(request)
      .then(async (address) => {
        const instance = instances.find(({ url }) => new URL(url).host === address);
        if (instance === undefined) throw new Error(`no instance ${address}`);
        await (request.url === '/start' ? instance.start() : instance.stop());
        response.end();
      })
      .catch((error: Error) => response.writeHead(500).end(error.message));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Which instance answered each request last, from Nginx's access log. */
async function instancesByRequest(cluster: Cluster): Promise<Map<string, string>> {
  const lines = (await readFile(cluster.nginx.accessLogPath, 'utf8')).trim().split('\n');
  return new Map(
    lines.map((line) => {
      const entry = JSON.parse(line) as Record<string, string>;
      const tried = entry['llamp.upstream.addr']?.split(', ') ?? [];
      return [entry['http.request.id'] ?? '', tried.at(-1) ?? ''];
    }),
  );
}
