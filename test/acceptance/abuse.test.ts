import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LenientUpstream, startLenientUpstream } from '../support/fuzz/lenient-upstream.ts';
import { describeWithLegs } from '../support/legs.ts';
import { startCluster } from '../support/servers/cluster.ts';
import { startEmbedded } from '../support/servers/embedded.ts';
import { type Installation, instanceAt } from '../support/servers/installation.ts';
import { fuzzSuite } from './fuzz.suite.ts';
import { rawHttpSuite } from './raw-http.suite.ts';
import { slowClientsSuite } from './slow-clients.suite.ts';

const SECRET_KEY = randomBytes(32).toString('base64');

describe('the embedded shape', () => {
  const installation = startedInstallation((upstream) => startEmbedded({ upstream }));
  const slowClients = slowClientsSuite(installation);
  slowClients.begin();
  rawHttpSuite(installation);
  fuzzSuite(installation, 10_000);
  slowClients.end();
  noDefects(installation);
});

// Nginx would answer some of it by itself: the requests go straight to an instance.
describeWithLegs(
  'the distributed shape, an instance of it',
  ['postgres', 'redis', 'minio', 'milvus', 'nginx'],
  (addresses) => {
    const environment = { LLAMP_SECRET_KEY: SECRET_KEY };
    const cluster = startedInstallation((upstream) =>
      startCluster({ addresses, upstream, environment }),
    );
    const instance = () => ({ ...cluster(), url: instanceAt(cluster().instances, 0).url });
    rawHttpSuite(instance);
    fuzzSuite(instance, 2_000);
    noDefects(cluster);
  },
);

function startedInstallation(
  start: (upstream: LenientUpstream) => Promise<Installation>,
): () => Installation {
  let upstream: LenientUpstream | undefined;
  let started: Installation | undefined;
  beforeAll(async () => {
    upstream = await startLenientUpstream();
    started = await start(upstream);
  });
  afterAll(async () => {
    await started?.stop();
    await upstream?.close();
  });
  return () => {
    if (started === undefined) throw new Error('the installation has not started');
    return started;
  };
}

function noDefects(installation: () => Installation): void {
  test('ID-7 none of it was an error for the server', async () => {
    for (const { logPath, group } of installation().instances) {
      expect(group.hasExited(), 'the process that was started is alive').toBe(false);
      const lines = (await readFile(logPath, 'utf8')).split('\n');
      expect(lines.filter((line) => line.includes('"log.level":"error"'))).toEqual([]);
    }
  });
}
