import type { Check } from '../../check.ts';
import { ok, warn } from '../../finding.ts';
import { ofStored } from '../../of-stored.ts';
import { text } from '../../text.ts';

export const deadJobs: Check = {
  ...ofStored,
  id: 'jobs.dead',
  title: text('Jobs that were given up', '已放弃的任务'),
  symptom: text(
    '`llamp_queue_jobs{state="dead"}` is above 0',
    '`llamp_queue_jobs{state="dead"}` 大于 0',
  ),
  hint: text(
    'The log says why each failed; attach the file again when its cause is gone.',
    '日志中有失败原因；排除后重新添加文件。',
  ),
  run: async ({ probes }) => {
    const dead = (await probes.backlogs()).filter((each) => each.dead > 0);
    if (dead.length === 0) return ok('none', '无');
    const list = dead.map((each) => `${each.queue}: ${each.dead}`);
    return warn(list.join(', '), list.join('、'));
  },
};
