import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LedgerClient } from '../support/ledger-client.ts';
import { describeWithLegs } from '../support/legs.ts';
import { type ScriptedProvider, startScriptedProvider } from '../support/scripted-provider.ts';
import { startCluster } from '../support/servers/cluster.ts';
import { startEmbedded } from '../support/servers/embedded.ts';
import type { Installation } from '../support/servers/installation.ts';

const KILLS = 25;
// After the last kind of write was acknowledged for the first time: spread over a batch, a job and a flush.
const LONGER_MAX_MS = 500;
const TEST_TIMEOUT_MS = 900_000;
const NO_LIMITS = {
  REQUESTS_PER_SECOND: '10000',
  REQUEST_BURST: '10000',
  CONNECTIONS_PER_ADDRESS: '1000',
};

describe('OP-10 killed without warning, embedded', () => {
  killTest((upstream) => startEmbedded({ upstream }));
});

describeWithLegs(
  'OP-10 killed without warning, distributed',
  ['postgres', 'redis', 'minio', 'milvus', 'nginx'],
  (addresses) => {
    killTest((upstream) => startCluster({ addresses, upstream, nginxSettings: NO_LIMITS }));
  },
);

function killTest(start: (upstream: ScriptedProvider) => Promise<Installation>): void {
  let upstream: ScriptedProvider;
  let installation: Installation;
  beforeAll(async () => {
    upstream = await startScriptedProvider();
    installation = await start(upstream);
  });
  afterAll(async () => {
    await installation?.stop();
    await upstream?.close();
  });

  test(
    `KB-3 ${KILLS} kills under mixed writes lose nothing that was acknowledged`,
    async () => {
      const { apiKey, url, instances } = installation;
      const ledger = new LedgerClient({ apiKey, chatModel: 'scripted-chat' });
      for (let kill = 0; kill < KILLS; kill += 1) {
        await writeAndKill(installation, ledger, kill);
        await instances[kill % instances.length]?.start();
      }
      const { keys, files, attached, usage } = ledger.acknowledged;
      process.stdout.write(`acknowledged: ${JSON.stringify(ledger.acknowledged)}\n`);
      for (const count of [keys, files, attached, usage])
        expect(count).toBeGreaterThanOrEqual(KILLS);
      expect(await ledger.losses(url)).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );
}

async function writeAndKill(
  { url, instances, kill }: Installation,
  ledger: LedgerClient,
  round: number,
): Promise<void> {
  const stop = new AbortController();
  const writing = ledger.writeUntil(url, stop.signal);
  await ledger.untilEachKindGrew();
  await new Promise((resolve) => setTimeout(resolve, longerMs(round)));
  await kill(round % instances.length);
  stop.abort();
  await writing;
}

// The same moments in every run, with no pattern that a timer of the server could fall in step with.
function longerMs(round: number): number {
  return ((round * 0.618_033_988_75) % 1) * LONGER_MAX_MS;
}
