import type { Check } from '../../check.ts';
import { ofObjects, PROBE_TIMEOUT_MS, reached } from '../../of-served-store.ts';
import { text } from '../../text.ts';

export const objectsReachable: Check = {
  ...ofObjects,
  id: 'objects.reachable',
  title: text('Object store', '对象存储'),
  symptom: text(
    '"the object store at … cannot be used" or "… refuses bucket …"',
    '提示 “the object store at … cannot be used” 或 “… refuses bucket …”',
  ),
  hint: text('Start it or correct MINIO_ENDPOINT.', '启动对象存储或改正 MINIO_ENDPOINT。'),
  needs: ['host.store-names'],
  run: ({ probes }, signal) =>
    reached(
      async () => (await probes.objects()).hasBucket({ timeoutMs: PROBE_TIMEOUT_MS, signal }),
      text(
        'Correct MINIO_ACCESS_KEY and MINIO_SECRET_KEY, or give them rights on the bucket.',
        '改正 MINIO_ACCESS_KEY 与 MINIO_SECRET_KEY，或授予其访问该存储桶的权限。',
      ),
    ),
};
