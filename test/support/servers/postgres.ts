import { execFile } from 'node:child_process';
import { chown, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { answering, locate } from './locate.ts';
import { freePort } from './loopback.ts';
import { startProcessGroup, waitUntilReady } from './process-group.ts';
import type { StartOptions, TestServer } from './test-server.ts';

const run = promisify(execFile);

export const postgresServer: TestServer = {
  leg: 'postgres',
  install: 'apt-get install postgresql-15',
  find: async () => {
    const extraFolders = await debianFolders();
    return answering(await locate({ name: 'initdb', extraFolders }), ['--version']);
  },
  start: startPostgres,
};

async function startPostgres({ path, directory }: StartOptions) {
  const port = await freePort();
  const user = await serverUser();
  if (user !== undefined) await chown(directory, user.uid, user.gid);
  const cluster = join(directory, 'cluster');
  const initdb = ['-D', cluster, '-A', 'trust', '-U', 'postgres', '--no-sync', '-E', 'UTF8'];
  await run(path, [...initdb, '--locale=C.UTF-8'], { ...user, cwd: directory, timeout: 60_000 });
  const settings = [
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    `unix_socket_directories=${directory}`,
    'max_connections=200',
    // Tests kill clients, never the machine: syncing would only cost time.
    'fsync=off',
  ];
  const group = startProcessGroup({
    command: join(dirname(path), 'postgres'),
    args: ['-D', cluster, ...settings.flatMap((setting) => ['-c', setting])],
    cwd: directory,
    logPath: join(directory, 'postgres.log'),
    stopSignal: 'SIGINT',
    ...(user === undefined ? {} : { user }),
  });
  const address = `postgres://postgres@127.0.0.1:${port}/postgres`;
  await waitUntilReady('PostgreSQL', group, () => answersQuery(address), 30_000);
  return { address, stop: group.stop };
}

async function debianFolders(): Promise<string[]> {
  const base = '/usr/lib/postgresql';
  const versions = await readdir(base).catch(() => []);
  const newestFirst = versions.toSorted((a, b) => Number(b) - Number(a));
  return newestFirst.map((version) => join(base, version, 'bin'));
}

// PostgreSQL refuses to run as root.
async function serverUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const id = async (flag: string) => Number((await run('id', [flag, 'postgres'])).stdout.trim());
  return { uid: await id('-u'), gid: await id('-g') };
}

async function answersQuery(connectionString: string): Promise<boolean> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('select 1');
  await client.end();
  return true;
}
