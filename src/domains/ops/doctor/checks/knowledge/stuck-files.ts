import { listStuckFiles } from '../../../../knowledge/checks.ts';
import type { Check } from '../../check.ts';
import { ok, warn } from '../../finding.ts';
import { listed, ofStored } from '../../of-stored.ts';
import { text } from '../../text.ts';

const LISTED_MAX = 100;

export const stuckFiles: Check = {
  ...ofStored,
  id: 'jobs.stuck-files',
  title: text('Files that make no progress', '停滞的文件处理'),
  symptom: text('A file stays `in_progress`', '文件一直处于 `in_progress`'),
  hint: text(
    'Start an instance with LLAMP_WORKERS above 0: it takes them up again. When it does not, look for its errors in the log.',
    '启动 LLAMP_WORKERS 大于 0 的实例，它会继续处理；若仍停滞，查看日志中的错误。',
  ),
  run: async ({ probes, clock, options }) => {
    const before = new Date(clock.now().getTime() - options.stuckMs);
    const found = await listStuckFiles(await probes.database(), { before, limit: LISTED_MAX });
    const ids = found.map(({ fileId }) => fileId);
    return ids.length === 0 ? ok('none', '无') : warn(listed(ids), listed(ids, '、'));
  },
};
