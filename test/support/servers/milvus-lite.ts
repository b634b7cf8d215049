import { join } from 'node:path';
import { answering, locate } from './locate.ts';
import { freePort } from './loopback.ts';
import { milvusAnswers } from './milvus-health.ts';
import { startProcessGroup, waitUntilReady } from './process-group.ts';
import type { StartOptions, TestServer } from './test-server.ts';

export const milvusLiteServer: TestServer = {
  leg: 'milvus-lite',
  install:
    'python3 -m venv ~/.cache/llamp-servers/milvus-lite && ~/.cache/llamp-servers/milvus-lite/bin/pip install milvus-lite==3.2.2 pymilvus==3.0.2 jieba==0.42.1',
  find: async () =>
    answering(await locate({ relative: 'milvus-lite/bin/milvus-lite' }), ['server', '--help']),
  start: startMilvusLite,
};

async function startMilvusLite({ path, directory }: StartOptions) {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const group = startProcessGroup({
    command: path,
    args: [
      ...['server', '--data-dir', join(directory, 'milvus-lite')],
      ...['--host', '127.0.0.1', '--port', `${port}`],
    ],
    cwd: directory,
    logPath: join(directory, 'milvus-lite.log'),
  });
  await waitUntilReady('milvus-lite', group, () => milvusAnswers(address), 60_000);
  return { address, stop: group.stop };
}
