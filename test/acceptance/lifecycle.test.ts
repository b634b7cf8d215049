import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWithLegs } from '../support/legs.ts';
import { type ScriptedProvider, startScriptedProvider } from '../support/scripted-provider.ts';
import { type Cluster, startCluster } from '../support/servers/cluster.ts';
import { startEmbedded } from '../support/servers/embedded.ts';
import type { Installation } from '../support/servers/installation.ts';
import { commandsSuite } from './commands.suite.ts';
import { drainSuite, NEVER_IN_TIME, SLOW_ANSWER, SLOW_STREAM } from './drain.suite.ts';
import { firstStartSuite } from './first-start.suite.ts';
import { knowledgeIndexSuite } from './knowledge-index.suite.ts';
import { runLlamp } from './llamp-process.ts';
import { requestIdSuite } from './request-id.suite.ts';
import { revocationSuite } from './revocation.suite.ts';
import { routeChangeSuite } from './route-changes.suite.ts';
import { createTestDatabase } from './test-database.ts';

const MODELS = ['scripted-chat', 'scripted-embedding', SLOW_STREAM, SLOW_ANSWER, NEVER_IN_TIME];
// Many clients behind one address.
const NO_LIMITS = { REQUESTS_PER_SECOND: '10000', REQUEST_BURST: '10000' };

describe('the first start', firstStartSuite);

describe('the embedded shape', () => {
  const { upstream, installation } = installed((provider) => startEmbedded({ upstream: provider }));
  const [app] = [() => installation().instances[0]];
  const variables = () => ({ LLAMP_DATA_DIR: app()?.dataDirectory ?? '' });

  requestIdSuite(() => ({ installation: installation() }));
  drainSuite(() => ({ installation: installation(), upstream: upstream() }), { isReplaced: false });
  commandsSuite(
    () => ({ installation: installation(), variables: variables() }),
    async (commands) => {
      await app()?.stop();
      await commands().finally(() => app()?.start());
    },
  );
  describe('without its index', () => knowledgeIndexSuite(installation));
});

describeWithLegs(
  'the distributed shape',
  ['postgres', 'redis', 'minio', 'milvus', 'nginx'],
  (addresses) => {
    const { upstream, installation } = installed((provider) =>
      startCluster({
        addresses,
        upstream: provider,
        nginxSettings: NO_LIMITS,
        environment: { LLAMP_SECRET_KEY: randomBytes(32).toString('base64') },
      }),
    );
    const commandTarget = () => ({
      installation: installation(),
      variables: {
        ...installation().environment,
        LLAMP_DATA_DIR: join(installation().directory, 'commands'),
      },
    });

    requestIdSuite(() => ({
      installation: installation(),
      nginxLog: installation().nginx.accessLogPath,
    }));
    revocationSuite(commandTarget);
    routeChangeSuite(() => ({ installation: installation(), upstream: upstream() }));
    commandsSuite(commandTarget, (commands) => commands());
    drainSuite(() => ({ installation: installation(), upstream: upstream() }), {
      isReplaced: true,
    });
  },
);

describeWithLegs('OP-6 `migrate` on PostgreSQL', ['postgres'], ({ postgres }) => {
  test('twice: the second time has nothing to do', async () => {
    await using database = await createTestDatabase(postgres);
    const [first, second] = [await migrate(database.url), await migrate(database.url)];
    expect(first.applied.length).toBeGreaterThan(2);
    expect(second).toEqual({ from: first.to, to: first.to, applied: [] });
  });

  test('ten at once: each migration is applied by one of them', async () => {
    await using database = await createTestDatabase(postgres);
    const results = await Promise.all(Array.from({ length: 10 }, () => migrate(database.url)));
    const applied = results.flatMap((result) => result.applied);
    expect(new Set(applied).size).toBe(applied.length);
    expect(new Set(results.map(({ to }) => to)).size).toBe(1);
    const rows = await database.query('select name from schema_migrations order by version');
    expect(applied).toEqual(expect.arrayContaining(rows.map((row) => (row as Named).name)));
  });
});

type Named = { name: string };

async function migrate(url: string) {
  const ended = await runLlamp(['migrate', '--json'], { DATABASE_URL: url });
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(ended.stdout) as { from: number; to: number; applied: string[] };
}

/** One installation for all tests of a block, with the upstream that it serves. */
function installed<Kind extends Installation | Cluster>(
  start: (upstream: ScriptedProvider) => Promise<Kind>,
): { upstream: () => ScriptedProvider; installation: () => Kind } {
  let upstream: ScriptedProvider | undefined;
  let installation: Kind | undefined;
  beforeAll(async () => {
    upstream = await startScriptedProvider({ models: MODELS });
    installation = await start(upstream);
  });
  afterAll(async () => {
    await installation?.stop();
    await upstream?.close();
  });
  const started = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('it has not started');
    return value;
  };
  return { upstream: () => started(upstream), installation: () => started(installation) };
}
