import type { Check } from '../../check.ts';
import { existingFolder } from '../../existing-folder.ts';
import { fail, ok, warn } from '../../finding.ts';
import { text } from '../../text.ts';

const FAIL_RATIO = 0.01;
const WARN_RATIO = 0.1;

export const diskInodes: Check = {
  id: 'host.disk-inodes',
  title: text('Inodes of the disk of the data folder', '数据目录所在磁盘的 inode'),
  symptom: text(
    '"No space left on device" although there is space',
    '磁盘有空间却提示 “No space left on device”',
  ),
  hint: text(
    'Delete small files nobody needs, or make the file system anew with more inodes.',
    '删除不需要的小文件，或以更多 inode 重建文件系统。',
  ),
  place: 'host',
  run: async ({ host, configuration }) => {
    const path = existingFolder(configuration.settings.dataDirectory);
    const { freeInodes, totalInodes } = await host.disk(path);
    if (totalInodes === 0) return ok('this file system counts none', '该文件系统不限制 inode');
    const ratio = freeInodes / totalInodes;
    const percent = Math.round(100 * ratio);
    const [en, zh] = [`${percent} % free`, `剩余 ${percent}%`];
    if (ratio < FAIL_RATIO) return fail(en, zh);
    return ratio < WARN_RATIO ? warn(en, zh) : ok(en, zh);
  },
};
