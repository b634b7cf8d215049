import type { Check } from '../../check.ts';
import { ok, warn } from '../../finding.ts';
import { ofObjects, PROBE_TIMEOUT_MS } from '../../of-served-store.ts';
import { text } from '../../text.ts';

export const objectsBucket: Check = {
  ...ofObjects,
  id: 'objects.bucket',
  title: text('Bucket', '存储桶'),
  symptom: text(
    'Every file is missing after a change of MINIO_BUCKET',
    '修改 MINIO_BUCKET 后所有文件缺失',
  ),
  hint: text(
    'Correct MINIO_BUCKET; on a new installation the first start makes the bucket.',
    '改正 MINIO_BUCKET；新安装时由首次启动创建。',
  ),
  run: async ({ probes, configuration }, signal) => {
    const name = configuration.settings.s3?.bucket ?? '';
    const objects = await probes.objects();
    return (await objects.hasBucket({ timeoutMs: PROBE_TIMEOUT_MS, signal }))
      ? ok(name, name)
      : warn(`${name} does not exist`, `${name} 不存在`);
  },
};
