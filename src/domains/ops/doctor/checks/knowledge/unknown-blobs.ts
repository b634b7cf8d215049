import { listUnknownBlobKeys } from '../../../../knowledge/checks.ts';
import type { Check } from '../../check.ts';
import { ok, warn } from '../../finding.ts';
import { listed, ofStored } from '../../of-stored.ts';
import { text } from '../../text.ts';

const LIST_LIMIT = 1_000;
const BLOB_TIMEOUT_MS = 5_000;

export const unknownBlobs: Check = {
  ...ofStored,
  id: 'drift.unknown-blobs',
  title: text('Files in the blob store that SQL does not know', '数据库未登记的文件'),
  symptom: text('The blob store grows although files were deleted', '删除文件后对象存储仍在增长'),
  hint: text(
    'They may stem from a restore of the database alone: restore both from one backup, or delete them by hand after a look.',
    '可能是只恢复了数据库所致：用同一备份恢复两者，或确认后手动删除。',
  ),
  needs: ['database.schema', 'objects.reachable'],
  run: async ({ probes }, signal) => {
    const blobs = await probes.blobs();
    const page = await blobs.list('files/', {
      limit: LIST_LIMIT,
      timeoutMs: BLOB_TIMEOUT_MS,
      signal,
    });
    const keys = page.blobs.map(({ key }) => key);
    const unknown =
      keys.length === 0 ? [] : await listUnknownBlobKeys(await probes.database(), keys);
    if (unknown.length === 0) return ok(`none of ${keys.length}`, `${keys.length} 个中没有`);
    return warn(listed(unknown), listed(unknown, '、'));
  },
};
