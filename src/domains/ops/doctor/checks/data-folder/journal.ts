import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Check } from '../../check.ts';
import { filesIn } from '../../files-in.ts';
import { ok, warn } from '../../finding.ts';
import { sizeText } from '../../size-text.ts';
import { text } from '../../text.ts';

const BACKLOG_BYTES = 64 * 1024 ** 2;

export const usageJournal: Check = {
  id: 'data-folder.journal',
  title: text('Journal of usage', '用量日志'),
  symptom: text('Usage of the last hours is missing', '最近几小时的用量缺失'),
  hint: text(
    'Start the server on this data folder: it writes what is left to the database. Look into rejected.jsonl, then delete it.',
    '用该数据目录启动服务，剩余记录会写入数据库。检查 rejected.jsonl 后将其删除。',
  ),
  place: 'host',
  needs: ['data-folder.usable'],
  run: async ({ folder, configuration }) => {
    const directory = join(configuration.settings.dataDirectory, 'usage-journal');
    const names = await filesIn(directory);
    if (names.includes('rejected.jsonl'))
      return warn(
        'the database refused records (rejected.jsonl)',
        '数据库拒绝过记录（rejected.jsonl）',
      );
    const segments = names.filter((name) => /^(usage|calls)-\d{10}\.jsonl$/.test(name));
    const sizes = await Promise.all(
      segments.map((name) =>
        stat(join(directory, name)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
    );
    const sizeBytes = sizes.reduce((sum, size) => sum + size, 0);
    const [en, zh] = [
      `${segments.length} files, ${sizeText(sizeBytes)}`,
      `${segments.length} 个文件，${sizeText(sizeBytes)}`,
    ];
    // A running server has one of each open.
    const isServed = folder.state === 'served' || folder.state === 'ours';
    const isLeft = isServed ? sizeBytes > BACKLOG_BYTES : sizeBytes > 0;
    return isLeft ? warn(`${en} left over`, `残留 ${zh}`) : ok(en, zh);
  },
};
