import { randomUUID } from 'node:crypto';
import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { expect, it } from 'vitest';
import { openS3BlobStore } from '../../src/adapters/blob-store/s3.ts';
import { silentLog } from '../../src/lib/log.ts';
import { describeWithLegs, S3_TEST_CREDENTIALS } from '../support/legs.ts';
import { describeBlobStore } from './blob-store.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

for (const leg of ['minio', 'versitygw'] as const) {
  describeWithLegs(`S3BlobStore on ${leg}`, [leg], (addresses) => {
    const endpoint = addresses[leg];
    describeBlobStore(async () => {
      const bucket = `contract-${randomUUID()}`;
      const options = { endpoint, bucket, ...S3_TEST_CREDENTIALS, log: silentLog };
      const store = await openS3BlobStore(options);
      return {
        store,
        leftovers: (key) => countUnfinishedUploads(endpoint, bucket, key),
        close: () => store.close(),
      };
    });

    it('would see an upload that was left behind', async () => {
      const bucket = `contract-${randomUUID()}`;
      const options = { endpoint, bucket, ...S3_TEST_CREDENTIALS, log: silentLog };
      await (await openS3BlobStore(options)).close();
      const client = createTestClient(endpoint);
      await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'test/left' }));
      client.destroy();
      expect(await countUnfinishedUploads(endpoint, bucket, 'test/left')).toBe(1);
    });

    it('says which bucket and server it cannot use', async () => {
      const options = { endpoint, bucket: 'b-123', accessKey: 'wrong', secretKey: 'wrong' };
      const opening = openS3BlobStore({ ...options, log: silentLog });
      await expect(opening).rejects.toThrow(`cannot use bucket b-123 at ${endpoint}`);
    });

    it('waits for a server that stands still no longer than the time of the call', async () => {
      const { hostname, port } = new URL(endpoint);
      const proxy = new TcpProxy({ host: hostname, port: Number(port) });
      await proxy.start();
      const store = await openS3BlobStore({
        endpoint: `http://127.0.0.1:${proxy.port}`,
        bucket: `contract-${randomUUID()}`,
        ...S3_TEST_CREDENTIALS,
        log: silentLog,
      });
      await store.put('a', Buffer.from('x'), { timeoutMs: 5_000 });
      proxy.silence();
      const options = { timeoutMs: 100 };
      const timedOut = { name: 'TimeoutError' };
      await expect(store.size('a', options)).rejects.toMatchObject(timedOut);
      await expect(store.get('a', options)).rejects.toMatchObject(timedOut);
      await expect(store.put('a', Buffer.from('y'), options)).rejects.toMatchObject(timedOut);
      await expect(store.check(options)).rejects.toMatchObject(timedOut);
      await proxy.stop();
      await store.close();
    });

    it('opens one bucket from many instances at once', async () => {
      const bucket = `contract-${randomUUID()}`;
      const options = { endpoint, bucket, ...S3_TEST_CREDENTIALS, log: silentLog };
      const stores = await Promise.all(Array.from({ length: 5 }, () => openS3BlobStore(options)));
      await Promise.all(stores.map((store) => store.check({ timeoutMs: 5_000 })));
      await Promise.all(stores.map((store) => store.close()));
    });
  });
}

function createTestClient(endpoint: string): S3Client {
  const { accessKey, secretKey } = S3_TEST_CREDENTIALS;
  return new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  });
}

async function countUnfinishedUploads(
  endpoint: string,
  Bucket: string,
  key: string,
): Promise<number> {
  const client = createTestClient(endpoint);
  // MinIO lists uploads of an exact key only.
  const command = new ListMultipartUploadsCommand({ Bucket, Prefix: key });
  const { Uploads = [] } = await client.send(command);
  client.destroy();
  return Uploads.length;
}
