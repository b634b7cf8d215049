import { lookup } from 'node:dns/promises';
import { constants } from 'node:fs';
import { access, readFile, statfs } from 'node:fs/promises';
import { constrainedMemory, version } from 'node:process';
import { createServer } from 'node:net';
import { tmpdir, totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

/** What one machine says of itself. Tests say something else. */
export interface Host {
  readonly nodeVersion: string;
  readonly temporaryFolder: string;
  readonly timeZone: string | undefined;
  /** Of this process; undefined where the system has no such thing. */
  readonly userId: number | undefined;
  memory(): { readonly limitBytes: number; readonly heapLimitBytes: number };
  /** Open files that this process may have; undefined when that is not known. */
  openFilesMax(): Promise<number | undefined>;
  disk(path: string): Promise<DiskSpace>;
  /** Rejects when the name is not known. */
  resolve(name: string): Promise<void>;
  /** Rejects with the system's error when nobody may listen there. */
  tryToListen(address: { host: string; port: number }): Promise<void>;
  canWrite(path: string): Promise<boolean>;
}

export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly freeInodes: number;
  /** 0 for file systems that count none. */
  readonly totalInodes: number;
}

/** The machine that this process runs on. */
export function systemHost(environment: Readonly<Record<string, string | undefined>>): Host {
  return {
    nodeVersion: version,
    temporaryFolder: tmpdir(),
    timeZone: environment['TZ'],
    userId: process.getuid?.(),
    memory: () => ({
      limitBytes: memoryLimit(),
      heapLimitBytes: getHeapStatistics().heap_size_limit,
    }),
    openFilesMax,
    disk: diskSpace,
    resolve: async (name) => {
      await lookup(name);
    },
    tryToListen,
    canWrite: (path) =>
      access(path, constants.W_OK).then(
        () => true,
        () => false,
      ),
  };
}

// Without a limit the container's says a number beyond every machine.
function memoryLimit(): number {
  const limit = constrainedMemory();
  const total = totalmem();
  return limit > 0 && limit < total ? limit : total;
}

async function openFilesMax(): Promise<number | undefined> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === undefined) return undefined;
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}

async function diskSpace(path: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize, ffree, files } = await statfs(path);
  return {
    freeBytes: bavail * bsize,
    totalBytes: blocks * bsize,
    freeInodes: ffree,
    totalInodes: files,
  };
}

function tryToListen({ host, port }: { host: string; port: number }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const server = createServer();
  server.once('error', reject);
  server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  return promise;
}
