import { sampleFileBlobs, samplePackBlobs, type StoredBlob } from '../../../../knowledge/checks.ts';
import type { Check } from '../../check.ts';
import type { DoctorContext } from '../../context.ts';
import { fail, ok } from '../../finding.ts';
import { listed, ofStored } from '../../of-stored.ts';
import { text } from '../../text.ts';

const SAMPLE = 50;
const BLOB_TIMEOUT_MS = 3_000;

export const missingBlobs: Check = {
  ...ofStored,
  id: 'drift.missing-blobs',
  title: text('Bytes of stored files', '已存文件的内容'),
  symptom: text('A file is listed but cannot be downloaded', '文件在列表中却无法下载'),
  hint: text(
    'Restore the blobs from the newest backup, or check MINIO_BUCKET and the mount of the data folder.',
    '从最新备份恢复对象，或检查 MINIO_BUCKET 与数据目录挂载。',
  ),
  needs: ['database.schema', 'objects.reachable'],
  run: async (context, signal) => {
    const sample = await sampleBlobs(context);
    const damaged = await damagedAmong(sample, context, signal);
    if (damaged.length > 0)
      return fail(
        `missing or of another size: ${listed(damaged)}, of ${sample.length} looked at`,
        `缺失或大小不符：${listed(damaged, '、')}，共抽查 ${sample.length} 个`,
      );
    return ok(
      `${sample.length} of ${sample.length} looked at are there`,
      `抽查 ${sample.length} 个，全部完好`,
    );
  },
};

async function sampleBlobs({ probes, clock }: DoctorContext): Promise<StoredBlob[]> {
  const database = await probes.database();
  return [
    ...(await sampleFileBlobs(database, { after: clock.newId('file-'), limit: SAMPLE })),
    ...(await samplePackBlobs(database, { after: clock.newId('gen_'), limit: SAMPLE })),
  ];
}

async function damagedAmong(
  sample: readonly StoredBlob[],
  { probes }: DoctorContext,
  signal: AbortSignal,
): Promise<string[]> {
  if (sample.length === 0) return [];
  const blobs = await probes.blobs();
  const sizes = await Promise.all(
    sample.map(({ key }) => blobs.size(key, { timeoutMs: BLOB_TIMEOUT_MS, signal })),
  );
  return sample.flatMap(({ key, sizeBytes }, at) => {
    const size = sizes[at];
    return size === undefined || (sizeBytes !== null && size !== sizeBytes) ? [key] : [];
  });
}
