import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWithLegs } from '../support/legs.ts';
import { type ScriptedProvider, startScriptedProvider } from '../support/scripted-provider.ts';
import { startCluster } from '../support/servers/cluster.ts';
import { startEmbedded } from '../support/servers/embedded.ts';
import type { Installation } from '../support/servers/installation.ts';
import { badRequestsSuite } from './bad-requests.suite.ts';
import { foreignIdsSuite } from './foreign-ids.suite.ts';

const NO_LIMITS = { REQUESTS_PER_SECOND: '10000', REQUEST_BURST: '10000' };

describe('the embedded shape', () => {
  badInputSuites((upstream) => startEmbedded({ upstream }));
});

describeWithLegs(
  'the distributed shape, through Nginx',
  ['postgres', 'redis', 'minio', 'milvus', 'nginx'],
  (addresses) => {
    const environment = { LLAMP_SECRET_KEY: randomBytes(32).toString('base64') };
    badInputSuites((upstream) =>
      startCluster({ addresses, upstream, environment, nginxSettings: NO_LIMITS }),
    );
  },
);

function badInputSuites(start: (upstream: ScriptedProvider) => Promise<Installation>): void {
  let upstream: ScriptedProvider | undefined;
  let started: Installation | undefined;
  const installation = (): Installation => {
    if (started === undefined) throw new Error('the installation has not started');
    return started;
  };
  beforeAll(async () => {
    upstream = await startScriptedProvider();
    started = await start(upstream);
  });
  afterAll(async () => {
    await started?.stop();
    await upstream?.close();
  });

  badRequestsSuite(installation);
  foreignIdsSuite(installation);

  test('ID-7 none of it was an error for the server', async () => {
    for (const { logPath } of installation().instances) {
      const lines = (await readFile(logPath, 'utf8')).split('\n');
      expect(lines.filter((line) => line.includes('"log.level":"error"'))).toEqual([]);
    }
  });
}
