import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { Client } from 'pg';
import { createClient } from 'redis';
import { describe } from 'vitest';
import { type Canary, newCanary, type Sink } from '../support/canary/canary.ts';
import { type Query, tableSinks } from '../support/canary/table-sinks.ts';
import { describeWithLegs, S3_TEST_CREDENTIALS } from '../support/legs.ts';
import { type ClusterAddresses, startCluster } from '../support/servers/cluster.ts';
import { startEmbedded } from '../support/servers/embedded.ts';
import { type CanaryShape, type CanaryStart, canarySuite } from './canary.suite.ts';

describe('the embedded shape', () => {
  canarySuite(async ({ upstream, environment }: CanaryStart): Promise<CanaryShape> => {
    const installation = await startEmbedded({ upstream, environment });
    const dataDirectory = installation.instances[0]?.dataDirectory ?? '';
    return {
      installation,
      variables: {
        ...environment,
        LLAMP_DATA_DIR: dataDirectory,
        LLAMP_BOOTSTRAP_API_KEY: installation.apiKey,
        OPENAI_API_BASE: upstream.baseUrl,
      },
      canaries: [],
      tables: () => tablesOfFolder(join(dataDirectory, 'database')),
    };
  });
});

describeWithLegs(
  'the distributed shape, through Nginx',
  ['postgres', 'redis', 'minio', 'nginx'],
  (addresses) => {
    canarySuite(async ({ upstream, environment }: CanaryStart): Promise<CanaryShape> => {
      const database = newCanary('database password');
      const redis = newCanary('redis password');
      const cluster = await startCluster({
        addresses: await addressesWith(addresses, { database, redis }),
        upstream,
        environment,
        nginxSettings: { REQUESTS_PER_SECOND: '10000', REQUEST_BURST: '10000' },
      });
      const variables = { ...cluster.environment, LLAMP_DATA_DIR: join(cluster.directory, 'cli') };
      const secretKey = { name: 'S3 secret', value: S3_TEST_CREDENTIALS.secretKey };
      return {
        installation: cluster,
        variables,
        canaries: [database, redis, secretKey],
        tables: () => tablesOfServer(cluster.environment['DATABASE_URL'] ?? ''),
      };
    });
  },
);

/** The stores of the legs ask for no password, or take any; these are what the application is told. */
async function addressesWith(
  addresses: ClusterAddresses,
  passwords: { database: Canary; redis: Canary },
): Promise<ClusterAddresses> {
  const postgres = new URL(addresses.postgres);
  postgres.password = passwords.database.value;
  const user = `canary${randomBytes(6).toString('hex')}`;
  const client = createClient({ url: addresses.redis });
  await client.connect();
  await client.sendCommand([
    ...['ACL', 'SETUSER', user, 'on', `>${passwords.redis.value}`, '~*', '&*', '+@all'],
  ]);
  await client.close();
  const redis = new URL(addresses.redis);
  redis.username = user;
  redis.password = passwords.redis.value;
  return { ...addresses, postgres: postgres.href, redis: redis.href.replace(/\/$/, '') };
}

/** On a copy: the folder itself is searched as it is. */
async function tablesOfFolder(directory: string): Promise<readonly Sink[]> {
  const copy = await mkdtemp(join(tmpdir(), 'llamp-canary-'));
  await cp(directory, copy, { recursive: true });
  const engine = await PGlite.create(copy);
  const query: Query = async (sql) => (await engine.query<Record<string, unknown>>(sql)).rows;
  const sinks = await tableSinks(query);
  await engine.close();
  await rm(copy, { recursive: true, force: true });
  return sinks;
}

async function tablesOfServer(connectionString: string): Promise<readonly Sink[]> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    return await tableSinks(async (sql) => (await client.query(sql)).rows);
  } finally {
    await client.end();
  }
}
