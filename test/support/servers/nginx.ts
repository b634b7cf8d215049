import { join } from 'node:path';
import { answering, locate } from './locate.ts';
import { httpStatus } from './loopback.ts';
import { type ProcessGroup, startProcessGroup, waitUntilReady } from './process-group.ts';
import type { TestServer } from './test-server.ts';

/** The leg is the program itself: each test starts it with its own configuration. */
export const nginxServer: TestServer = {
  leg: 'nginx',
  install: 'apt-get install nginx',
  find: async () => answering(await locate({ name: 'nginx' }), ['-v']),
  start: async ({ path }) => ({ address: path, stop: async () => undefined }),
};

/** Starts nginx in the foreground on a rendered configuration; ready when its status page answers. */
export async function startNginx(options: {
  path: string;
  directory: string;
  configurationPath: string;
  statusPort: number;
}): Promise<ProcessGroup> {
  const { path, directory, configurationPath, statusPort } = options;
  const errorLog = join(directory, 'error.log');
  const group = startProcessGroup({
    command: path,
    args: ['-p', directory, '-c', configurationPath, '-e', errorLog, '-g', 'daemon off;'],
    logPath: join(directory, 'nginx.log'),
  });
  const isReady = async () =>
    (await httpStatus(`http://127.0.0.1:${statusPort}/nginx-status`)) === 200;
  await waitUntilReady('Nginx', group, isReady, 15_000);
  return group;
}
