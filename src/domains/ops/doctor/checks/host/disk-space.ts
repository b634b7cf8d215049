import { existingFolder } from '../../existing-folder.ts';
import type { Check } from '../../check.ts';
import { fail, ok, warn } from '../../finding.ts';
import { sizeText } from '../../size-text.ts';
import { text } from '../../text.ts';

const FAIL_BYTES = 256 * 1024 ** 2;
const WARN_RATIO = 0.1;

export const diskSpace: Check = {
  id: 'host.disk-space',
  title: text('Disk of the data folder', '数据目录所在磁盘'),
  symptom: text(
    '"the disk that holds … is full", uploads are refused',
    '提示 “the disk that holds … is full”，上传被拒绝',
  ),
  hint: text(
    'Free some space, enlarge the disk, or move LLAMP_DATA_DIR.',
    '释放空间、扩容磁盘，或把 LLAMP_DATA_DIR 移到别处。',
  ),
  place: 'host',
  run: async ({ host, configuration }) => {
    const path = existingFolder(configuration.settings.dataDirectory);
    const { freeBytes, totalBytes } = await host.disk(path);
    const [free, percent] = [sizeText(freeBytes), Math.round((100 * freeBytes) / totalBytes)];
    const [en, zh] = [`${free} free (${percent} %)`, `剩余 ${free}（${percent}%）`];
    if (freeBytes < FAIL_BYTES) return fail(en, zh);
    return freeBytes / totalBytes < WARN_RATIO ? warn(en, zh) : ok(en, zh);
  },
};
