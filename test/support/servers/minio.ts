import { join } from 'node:path';
import { S3_TEST_CREDENTIALS } from '../legs.ts';
import { answering, locate } from './locate.ts';
import { freePort, httpStatus } from './loopback.ts';
import { startProcessGroup, waitUntilReady } from './process-group.ts';
import type { StartOptions, TestServer } from './test-server.ts';

export const minioServer: TestServer = {
  leg: 'minio',
  install:
    'GOBIN=~/.cache/llamp-servers/bin go install github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c',
  find: async () =>
    answering(await locate({ name: 'minio', relative: 'bin/minio' }), ['--version']),
  start: startMinio,
};

async function startMinio({ path, directory }: StartOptions) {
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const group = startProcessGroup({
    command: path,
    args: [
      ...['server', '--quiet', '--address', `127.0.0.1:${port}`],
      ...['--console-address', `127.0.0.1:${await freePort()}`, join(directory, 'blobs')],
    ],
    env: {
      ...process.env,
      MINIO_ROOT_USER: S3_TEST_CREDENTIALS.accessKey,
      MINIO_ROOT_PASSWORD: S3_TEST_CREDENTIALS.secretKey,
      MINIO_BROWSER: 'off',
      // It would otherwise ask the internet for a newer version.
      MINIO_UPDATE: 'off',
    },
    logPath: join(directory, 'minio.log'),
  });
  const isReady = async () => (await httpStatus(`${address}/minio/health/ready`)) === 200;
  await waitUntilReady('MinIO', group, isReady, 30_000);
  return { address, stop: group.stop };
}
