import type { Check } from '../../check.ts';
import { ok, warn } from '../../finding.ts';
import { ofObjects, PROBE_TIMEOUT_MS } from '../../of-served-store.ts';
import { text } from '../../text.ts';

// What requests are signed for.
const REGION = 'us-east-1';

export const objectsRegion: Check = {
  ...ofObjects,
  id: 'objects.region',
  title: text('Region of the bucket', '存储桶区域'),
  symptom: text(
    '`AuthorizationHeaderMalformed`, status 301',
    '`AuthorizationHeaderMalformed`，状态码 301',
  ),
  hint: text(
    `Requests are signed for ${REGION}: use a bucket there, or a server that does not mind.`,
    `请求按 ${REGION} 签名：使用该区域的存储桶，或不校验区域的服务器。`,
  ),
  needs: ['objects.bucket'],
  run: async ({ probes }, signal) => {
    const objects = await probes.objects();
    const options = { timeoutMs: PROBE_TIMEOUT_MS, signal };
    if (!(await objects.hasBucket(options))) return ok('no bucket yet', '存储桶尚不存在');
    const region = await objects.bucketRegion(options);
    if (region === undefined || region === '') return ok('it names none', '服务器未提供');
    return region === REGION ? ok(region, region) : warn(region, region);
  },
};
