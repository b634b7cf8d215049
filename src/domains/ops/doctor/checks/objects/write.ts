import type { Check } from '../../check.ts';
import { fail, ok, reasonOf, skip } from '../../finding.ts';
import { ofObjects, PROBE_TIMEOUT_MS } from '../../of-served-store.ts';
import { text } from '../../text.ts';

export const objectsWrite: Check = {
  ...ofObjects,
  id: 'objects.write',
  title: text('Writing, reading and deleting an object', '对象的写入、读取与删除'),
  symptom: text('Uploads fail while downloads work', '可以下载但无法上传'),
  hint: text(
    'Give the key s3:PutObject, s3:GetObject and s3:DeleteObject on the bucket; look at the quota and the disk of the server.',
    '授予 s3:PutObject、s3:GetObject、s3:DeleteObject 权限；检查服务器的配额与磁盘。',
  ),
  needs: ['objects.bucket'],
  run: async ({ probes, options }, signal) => {
    if (!options.write) return skip('only with --write', '仅在使用 --write 时检查');
    const objects = await probes.objects();
    if (!(await objects.hasBucket({ timeoutMs: PROBE_TIMEOUT_MS, signal })))
      return skip('there is no bucket yet', '存储桶尚不存在');
    try {
      await objects.writeReadDelete({ timeoutMs: PROBE_TIMEOUT_MS, signal });
      return ok('they work', '正常');
    } catch (error) {
      const reason = reasonOf(error);
      return fail(reason, reason);
    }
  },
};
