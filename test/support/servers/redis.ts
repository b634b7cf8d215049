import { join } from 'node:path';
import { answering, locate } from './locate.ts';
import { freePort, tcpAnswers } from './loopback.ts';
import { startProcessGroup, waitUntilReady } from './process-group.ts';
import type { StartOptions, TestServer } from './test-server.ts';

export const redisServer: TestServer = {
  leg: 'redis',
  install: 'apt-get install redis-server',
  find: async () => answering(await locate({ name: 'redis-server' }), ['--version']),
  start: startRedis,
};

async function startRedis({ path, directory }: StartOptions) {
  const port = await freePort();
  const group = startProcessGroup({
    command: path,
    args: [
      ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', directory],
      ...['--save', '', '--appendonly', 'no'],
    ],
    logPath: join(directory, 'redis.log'),
  });
  await waitUntilReady('Redis', group, () => tcpAnswers(port, 'PING\r\n', '+PONG'), 10_000);
  return { address: `redis://127.0.0.1:${port}`, stop: group.stop };
}
