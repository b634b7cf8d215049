import { afterAll, beforeAll, describe } from 'vitest';
import { describeWithLegs } from '../support/legs.ts';
import { type ScriptedProvider, startScriptedProvider } from '../support/scripted-provider.ts';
import { startCluster } from '../support/servers/cluster.ts';
import { startEmbedded } from '../support/servers/embedded.ts';
import type { Installation } from '../support/servers/installation.ts';
import { metricsSuite } from './metrics.suite.ts';
import { openaiNodeSuite, type Target } from './openai-node.suite.ts';
import { openaiPythonSuite } from './openai-python.suite.ts';

// A single client behind one address sends more than a person would.
const NO_LIMITS = { REQUESTS_PER_SECOND: '10000', REQUEST_BURST: '10000' };

describe('the embedded shape, over HTTP', () => {
  sdkSuites((upstream) => startEmbedded({ upstream }));
});

describeWithLegs(
  'the distributed shape, through Nginx',
  ['postgres', 'redis', 'minio', 'milvus', 'nginx'],
  (addresses) => {
    sdkSuites((upstream) => startCluster({ addresses, upstream, nginxSettings: NO_LIMITS }));
  },
);

function sdkSuites(start: (upstream: ScriptedProvider) => Promise<Installation>): void {
  let upstream: ScriptedProvider | undefined;
  let installation: Installation | undefined;
  const target = (): Target => {
    if (installation === undefined) throw new Error('the installation has not started');
    const { url, apiKey } = installation;
    return { url, apiKey, chatModel: 'scripted-chat', embeddingModel: 'scripted-embedding' };
  };

  beforeAll(async () => {
    upstream = await startScriptedProvider();
    installation = await start(upstream);
  });
  afterAll(async () => {
    await installation?.stop();
    await upstream?.close();
  });

  openaiNodeSuite(target);
  openaiPythonSuite(target);
  // Last: it reads what the suites above have left.
  metricsSuite(() => {
    if (installation === undefined) throw new Error('the installation has not started');
    return installation;
  });
}
