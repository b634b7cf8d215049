import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe } from 'vitest';
import { describeWithLegs } from '../support/legs.ts';
import { type ScriptedProvider, startScriptedProvider } from '../support/scripted-provider.ts';
import { startCluster } from '../support/servers/cluster.ts';
import { startEmbedded } from '../support/servers/embedded.ts';
import type { Installation } from '../support/servers/installation.ts';
import { anthropicNodeSuite } from './anthropic-node.suite.ts';
import { anthropicPythonSuite } from './anthropic-python.suite.ts';
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
    // For the credential of a provider.
    const environment = { LLAMP_SECRET_KEY: randomBytes(32).toString('base64') };
    sdkSuites((upstream) =>
      startCluster({ addresses, upstream, environment, nginxSettings: NO_LIMITS }),
    );
  },
);

function sdkSuites(start: (upstream: ScriptedProvider) => Promise<Installation>): void {
  let upstream: ScriptedProvider | undefined;
  let installation: Installation | undefined;
  const running = (): Installation => {
    if (installation === undefined) throw new Error('the installation has not started');
    return installation;
  };
  const target = (): Target => {
    const { url, apiKey } = running();
    return { url, apiKey, chatModel: 'scripted-chat', embeddingModel: 'scripted-embedding' };
  };
  const messages = () => ({ installation: running(), chatModel: 'scripted-chat' });

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
  anthropicNodeSuite(messages);
  anthropicPythonSuite(messages);
  // Last: it reads what the suites above have left.
  metricsSuite(running);
}
