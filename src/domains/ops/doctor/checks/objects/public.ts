import type { Check } from '../../check.ts';
import { fail, ok } from '../../finding.ts';
import { ofObjects, PROBE_TIMEOUT_MS } from '../../of-served-store.ts';
import { text } from '../../text.ts';

export const objectsPublic: Check = {
  ...ofObjects,
  id: 'objects.public',
  title: text('Whether strangers may list the bucket', '存储桶是否可匿名列出'),
  symptom: text('Files can be read without a key', '无需密钥即可读取文件'),
  hint: text('Take the policy for everybody off the bucket.', '移除存储桶的匿名访问策略。'),
  run: async ({ probes }, signal) => {
    const objects = await probes.objects();
    return (await objects.isPublic({ timeoutMs: PROBE_TIMEOUT_MS, signal }))
      ? fail('they may', '可以')
      : ok('they may not', '不可以');
  },
};
