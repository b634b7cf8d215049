import { join } from 'node:path';
import { answering, locate } from './locate.ts';
import { freePort } from './loopback.ts';
import { milvusAnswers } from './milvus-health.ts';
import { startProcessGroup, waitUntilReady } from './process-group.ts';
import type { StartOptions, TestServer } from './test-server.ts';

export const milvusServer: TestServer = {
  leg: 'milvus',
  install:
    'python3 -m venv ~/.cache/llamp-servers/milvus && ~/.cache/llamp-servers/milvus/bin/pip install milvus==2.3.5',
  find: async () => answering(await locate({ relative: 'milvus/bin/milvus-server' }), ['--help']),
  start: startMilvus,
};

/**
 * The real standalone server with etcd inside. It has no option for a listening address and moves its other
 * ports by itself when they are taken; only the proxy port is ours.
 */
async function startMilvus({ path, directory }: StartOptions) {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const group = startProcessGroup({
    command: path,
    args: ['--data', join(directory, 'milvus'), '--proxy-port', `${port}`],
    cwd: directory,
    logPath: join(directory, 'milvus.log'),
    // Its orderly stop takes longer than 15 s and the data folder is thrown away.
    stopSignal: 'SIGKILL',
  });
  await waitUntilReady('Milvus', group, () => milvusAnswers(address), 90_000);
  return { address, stop: group.stop };
}
