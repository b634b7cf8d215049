import { randomInt, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Client } from 'pg';
import { type Leg, S3_TEST_CREDENTIALS } from '../legs.ts';
import {
  type AppProcess,
  runAppCommand,
  startAppProcess,
  type Upstream,
  upstreamVariables,
} from './app-process.ts';
import { newFirstApiKey } from './first-api-key.ts';
import {
  createUndoList,
  type Installation,
  installationFolder,
  instanceAt,
  removeFolder,
} from './installation.ts';
import { httpStatus } from './loopback.ts';
import { type RunningNginx, startNginx } from './nginx.ts';

/** What `describeWithLegs` hands to a suite that asks for these legs; `milvus` may be left out (embedded index). */
export type ClusterAddresses = Readonly<
  Record<Extract<Leg, 'postgres' | 'redis' | 'minio' | 'nginx'>, string> & { milvus?: string }
>;

export interface ClusterOptions {
  readonly addresses: ClusterAddresses;
  readonly upstream?: Upstream;
  readonly instances?: number;
  readonly environment?: Readonly<Record<string, string>>;
  /** Values of deployments/nginx/render.sh, for example limits. */
  readonly nginxSettings?: Readonly<Record<string, string>>;
}

export interface Cluster extends Installation {
  readonly nginx: RunningNginx;
  /** What every instance is given; for a command such as `keys list`. */
  readonly environment: Readonly<Record<string, string>>;
}

const DEFAULT_INSTANCES = 2;

/** App instances behind Nginx on the stores of the legs: own database, bucket and Redis database each time. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const directory = await installationFolder();
  const undo = createUndoList();
  undo.add(removeFolder(directory));
  try {
    const apiKey = newFirstApiKey();
    const database = await createDatabase(options.addresses.postgres);
    undo.add(database.drop);
    const environment = clusterEnvironment(options, database.url, apiKey);
    await runAppCommand(['migrate'], {
      ...environment,
      LLAMP_DATA_DIR: join(directory, 'migrate'),
    });
    const instances = await startInstances(options, environment, directory);
    undo.add(() => Promise.all(instances.map((instance) => instance.stop())));
    const nginx = await startFront(options, instances, directory);
    undo.add(nginx.stop);
    return {
      url: nginx.url,
      apiKey,
      instances,
      directory,
      nginx,
      environment,
      kill: (index) => instanceAt(instances, index).kill(),
      stop: undo.undoAll,
    };
  } catch (error) {
    await undo.undoAll();
    throw error;
  }
}

function clusterEnvironment(
  { addresses, upstream, environment }: ClusterOptions,
  databaseUrl: string,
  apiKey: string,
): Record<string, string> {
  return {
    DATABASE_URL: databaseUrl,
    // Redis forgets by design, so a random one of its databases is separate enough.
    REDIS_URL: `${addresses.redis}/${randomInt(1, 16)}`,
    MINIO_ENDPOINT: addresses.minio,
    MINIO_ACCESS_KEY: S3_TEST_CREDENTIALS.accessKey,
    MINIO_SECRET_KEY: S3_TEST_CREDENTIALS.secretKey,
    MINIO_BUCKET: `llamp-test-${randomUUID()}`,
    ...milvusVariables(addresses.milvus),
    LLAMP_BOOTSTRAP_API_KEY: apiKey,
    LLAMP_TRUSTED_PROXIES: '127.0.0.1',
    ...upstreamVariables(upstream),
    ...environment,
  };
}

function milvusVariables(address: string | undefined): Record<string, string> {
  if (address === undefined) return {};
  const [host = '', port = ''] = address.split(':');
  return { MILVUS_HOST: host, MILVUS_PORT: port };
}

async function startInstances(
  { instances = DEFAULT_INSTANCES }: ClusterOptions,
  environment: Record<string, string>,
  directory: string,
): Promise<AppProcess[]> {
  const names = Array.from({ length: instances }, (_, index) => `app-${index + 1}`);
  const starts = await Promise.allSettled(
    names.map((name) => startAppProcess({ directory: join(directory, name), environment })),
  );
  const failure = starts.find((start) => start.status === 'rejected');
  const started = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  if (failure === undefined) return started;
  await Promise.all(started.map((instance) => instance.stop()));
  throw failure.reason;
}

async function startFront(
  { addresses, nginxSettings }: ClusterOptions,
  instances: readonly AppProcess[],
  directory: string,
): Promise<RunningNginx> {
  const nginx = await startNginx({
    path: addresses.nginx,
    directory: join(directory, 'nginx'),
    instances: instances.map(({ url }) => new URL(url).host),
    ...(nginxSettings === undefined ? {} : { settings: nginxSettings }),
  });
  const status = await httpStatus(`${nginx.url}/health/ready`);
  if (status === 200) return nginx;
  await nginx.stop();
  throw new Error(`/health/ready answers ${status} through Nginx`);
}

async function createDatabase(serverUrl: string): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `cluster_${randomUUID().replaceAll('-', '')}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await administer(serverUrl, `create database ${name}`);
  return { url: url.href, drop: () => administer(serverUrl, `drop database ${name} with (force)`) };
}

async function administer(connectionString: string, statement: string): Promise<void> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
