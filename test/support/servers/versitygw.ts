import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { S3_TEST_CREDENTIALS } from '../legs.ts';
import { answering, locate } from './locate.ts';
import { freePort, httpStatus } from './loopback.ts';
import { startProcessGroup, waitUntilReady } from './process-group.ts';
import type { StartOptions, TestServer } from './test-server.ts';

export const versitygwServer: TestServer = {
  leg: 'versitygw',
  install:
    'GOBIN=~/.cache/llamp-servers/bin go install github.com/versity/versitygw/cmd/versitygw@v1.8.0',
  find: async () =>
    answering(await locate({ name: 'versitygw', relative: 'bin/versitygw' }), ['--version']),
  start: startVersitygw,
};

async function startVersitygw({ path, directory }: StartOptions) {
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const folders = { versions: join(directory, 'versions'), blobs: join(directory, 'blobs') };
  await Promise.all(Object.values(folders).map((folder) => mkdir(folder, { recursive: true })));
  const group = startProcessGroup({
    command: path,
    args: [
      ...['--port', `127.0.0.1:${port}`, '--keep-alive', '--quiet', '--health', '/health'],
      ...['posix', '--versioning-dir', folders.versions, folders.blobs],
    ],
    env: {
      ...process.env,
      ROOT_ACCESS_KEY_ID: S3_TEST_CREDENTIALS.accessKey,
      ROOT_SECRET_ACCESS_KEY: S3_TEST_CREDENTIALS.secretKey,
    },
    logPath: join(directory, 'versitygw.log'),
  });
  const isReady = async () => (await httpStatus(`${address}/health`)) === 200;
  await waitUntilReady('versitygw', group, isReady, 15_000);
  return { address, stop: group.stop };
}
