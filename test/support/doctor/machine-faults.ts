import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Fault, Place } from './fault.ts';

const GIBIBYTE = 1024 ** 3;
const disk = (change: object) => ({
  disk: async () => ({
    freeBytes: 50 * GIBIBYTE,
    totalBytes: 100 * GIBIBYTE,
    freeInodes: 900,
    totalInodes: 1_000,
    ...change,
  }),
});

/** Answers every request with this, on a free port of this machine. */
export async function foreignServer(place: Place, status = 200, body = 'hello'): Promise<number> {
  const server = createServer((_request, response) => response.writeHead(status).end(body));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  place.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Faults of the machine and of its network. */
export const MACHINE_FAULTS: readonly Fault[] = [
  {
    name: 'an old Node.js',
    check: 'host.node-version',
    status: 'fail',
    seed: () => ({ host: { nodeVersion: 'v22.11.0' } }),
  },
  {
    name: 'a full disk',
    check: 'host.disk-space',
    status: 'fail',
    seed: () => ({ host: disk({ freeBytes: 1_000_000 }) }),
  },
  {
    name: 'a disk that is almost full',
    check: 'host.disk-space',
    status: 'warn',
    seed: () => ({ host: disk({ freeBytes: 3 * GIBIBYTE }) }),
  },
  {
    name: 'no inodes',
    check: 'host.disk-inodes',
    status: 'fail',
    seed: () => ({ host: disk({ freeInodes: 0 }) }),
  },
  {
    name: 'a heap beyond the limit of memory',
    check: 'host.memory',
    status: 'warn',
    seed: () => ({
      host: { memory: () => ({ limitBytes: GIBIBYTE, heapLimitBytes: 4 * GIBIBYTE }) },
    }),
  },
  {
    name: 'too little memory',
    check: 'host.memory',
    status: 'fail',
    seed: () => ({
      host: { memory: () => ({ limitBytes: GIBIBYTE / 8, heapLimitBytes: GIBIBYTE / 16 }) },
    }),
  },
  {
    name: 'few open files',
    check: 'host.open-files',
    status: 'fail',
    seed: () => ({ host: { openFilesMax: async () => 128 } }),
  },
  {
    name: 'no such time zone',
    check: 'host.time-zone',
    status: 'warn',
    env: { TZ: 'Mars/Phobos' },
  },
  {
    name: 'an old character set',
    check: 'host.locale',
    status: 'warn',
    env: { LANG: 'zh_CN.GB2312' },
  },
  {
    name: 'no folder for temporary files',
    check: 'host.temporary-folder',
    status: 'fail',
    seed: ({ folder }) => ({ host: { temporaryFolder: join(folder, 'missing') } }),
  },
  {
    name: 'a proxy that is not used',
    check: 'host.proxies',
    status: 'warn',
    env: { HTTPS_PROXY: 'http://proxy.internal:3128' },
  },
  {
    name: 'an unknown host name of a store',
    check: 'host.store-names',
    status: 'fail',
    env: { REDIS_URL: 'redis://:v3ry-Long-Secret@nowhere.invalid:6379' },
  },
  {
    name: 'the port of another program',
    check: 'host.port',
    status: 'fail',
    seed: async (place) => ({ env: { LLAMP_PORT: `${await foreignServer(place)}` } }),
  },
  {
    name: 'an address of another machine',
    check: 'host.port',
    status: 'fail',
    env: { LLAMP_HOST: '192.0.2.1' },
  },
  {
    name: 'a port of metrics that another program has',
    check: 'host.metrics-port',
    status: 'fail',
    seed: async (place) => ({ env: { LLAMP_METRICS_PORT: `${await foreignServer(place)}` } }),
  },
];

/** Faults of the data folder. */
export const FOLDER_FAULTS: readonly Fault[] = [
  {
    name: 'a file where the folder should be',
    check: 'data-folder.usable',
    status: 'fail',
    seed: ({ dataDirectory }) => {
      rmSync(dataDirectory, { recursive: true });
      writeFileSync(dataDirectory, '');
      return undefined;
    },
  },
  {
    name: 'a folder that cannot be written',
    check: 'data-folder.usable',
    status: 'fail',
    // Root may write everywhere, so it is the answer of the system that is seeded.
    seed: ({ dataDirectory }) => ({ host: { canWrite: async (path) => path !== dataDirectory } }),
  },
  {
    name: 'a folder that everybody may write',
    check: 'data-folder.permissions',
    status: 'warn',
    seed: ({ dataDirectory }) => {
      chmodSync(dataDirectory, 0o777);
      return undefined;
    },
  },
  {
    name: 'a folder of another user',
    check: 'data-folder.permissions',
    status: 'warn',
    seed: () => ({ host: { userId: 54_321 } }),
  },
  {
    name: 'a process that has the folder and does not answer',
    check: 'data-folder.lock',
    status: 'fail',
    seed: () => ({ folder: { state: 'held', by: 4_711 } }),
  },
  {
    name: 'a key file without a key',
    check: 'data-folder.key-file',
    status: 'fail',
    seed: ({ dataDirectory }) => {
      writeFileSync(join(dataDirectory, 'secret.key'), 'no key\n', { mode: 0o600 });
      return undefined;
    },
  },
  {
    name: 'a key file that everybody may read',
    check: 'data-folder.key-file',
    status: 'warn',
    seed: ({ dataDirectory }) => {
      const path = join(dataDirectory, 'secret.key');
      writeFileSync(path, `${Buffer.alloc(32, 'k').toString('base64')}\n`);
      chmodSync(path, 0o644);
      return undefined;
    },
  },
  {
    name: 'usage that a dead process left',
    check: 'data-folder.journal',
    status: 'warn',
    seed: ({ dataDirectory }) => {
      mkdirSync(join(dataDirectory, 'usage-journal'));
      writeFileSync(join(dataDirectory, 'usage-journal', 'usage-0000000001.jsonl'), '{"id":"1"}\n');
      return undefined;
    },
  },
  {
    name: 'usage that the database refused',
    check: 'data-folder.journal',
    status: 'warn',
    seed: ({ dataDirectory }) => {
      mkdirSync(join(dataDirectory, 'usage-journal'));
      writeFileSync(join(dataDirectory, 'usage-journal', 'rejected.jsonl'), '{"id":"1"}\n');
      return undefined;
    },
  },
  {
    name: 'a log that grew',
    check: 'data-folder.leftovers',
    status: 'warn',
    seed: ({ dataDirectory }) => {
      const path = join(dataDirectory, 'llamp.log');
      writeFileSync(path, '');
      // A sparse file: it takes no room.
      truncateSync(path, GIBIBYTE);
      return undefined;
    },
  },
  {
    name: 'a database folder without a database',
    check: 'database.reachable',
    status: 'fail',
    seed: ({ dataDirectory }) => {
      mkdirSync(join(dataDirectory, 'database'));
      writeFileSync(join(dataDirectory, 'database', 'stray'), '');
      return undefined;
    },
  },
];
