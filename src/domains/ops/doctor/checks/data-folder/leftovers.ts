import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Check } from '../../check.ts';
import { filesIn } from '../../files-in.ts';
import { ok, warn } from '../../finding.ts';
import { sizeText } from '../../size-text.ts';
import { text } from '../../text.ts';

const LEFTOVER = /\.(log|heapsnapshot|heapprofile|cpuprofile|dump|core)(\.\d+)?$|^core(\.\d+)?$/;
const WARN_BYTES = 512 * 1024 ** 2;

export const leftovers: Check = {
  id: 'data-folder.leftovers',
  title: text('Logs and dumps in the data folder', '数据目录中的日志与转储文件'),
  symptom: text('The disk fills although little is stored', '存储内容很少，磁盘却被占满'),
  hint: text(
    'Delete or rotate them; Llamp itself logs to standard output only.',
    '删除或轮转这些文件；Llamp 自身只向标准输出写日志。',
  ),
  place: 'host',
  needs: ['data-folder.usable'],
  run: async ({ configuration }) => {
    const root = configuration.settings.dataDirectory;
    const folders = [root, join(root, 'logs')];
    let sizeBytes = 0;
    for (const folder of folders) {
      for (const name of await filesIn(folder)) {
        if (LEFTOVER.test(name)) sizeBytes += (await lstat(join(folder, name))).size;
      }
    }
    const size = sizeText(sizeBytes);
    return sizeBytes > WARN_BYTES ? warn(size, size) : ok(size, size);
  },
};
