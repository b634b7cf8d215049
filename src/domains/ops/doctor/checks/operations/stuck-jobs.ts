import type { Check } from '../../check.ts';
import { ok, warn } from '../../finding.ts';
import { ofStored } from '../../of-stored.ts';
import { text } from '../../text.ts';

export const stuckJobs: Check = {
  ...ofStored,
  id: 'jobs.stuck',
  title: text('Jobs that nobody takes', '无人处理的任务'),
  symptom: text('Nothing that was uploaded is processed', '上传后没有任何处理'),
  hint: text(
    'Start an instance with LLAMP_WORKERS above 0, or more of them.',
    '启动 LLAMP_WORKERS 大于 0 的实例，或增加实例。',
  ),
  run: async ({ probes, options }) => {
    const waiting = (await probes.backlogs()).filter(
      ({ oldestWaitingMs }) => oldestWaitingMs > options.stuckMs,
    );
    if (waiting.length === 0) return ok('none', '无');
    const list = waiting.map(
      ({ queue, oldestWaitingMs }) => `${queue}: ${Math.round(oldestWaitingMs / 60_000)} min`,
    );
    return warn(list.join(', '), list.join('、'));
  },
};
