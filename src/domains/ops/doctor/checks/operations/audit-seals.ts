import { oldestUnsealedAt } from '../../../../audit/checks.ts';
import type { Check } from '../../check.ts';
import { ok, warn } from '../../finding.ts';
import { ofStored } from '../../of-stored.ts';
import { text } from '../../text.ts';

const LAG_MAX_MS = 5 * 60_000;

export const auditSeals: Check = {
  ...ofStored,
  id: 'audit.seals',
  title: text('Seals of the audit log', '审计日志的封印'),
  symptom: text(
    '`llamp audit verify` proves fewer events than there are',
    '`llamp audit verify` 验证的事件少于实际数量',
  ),
  hint: text(
    'Start the server: it seals what is left. When it runs already, look for "audit" in its log.',
    '启动服务，剩余事件会被封印；若已在运行，在日志中查找 “audit”。',
  ),
  run: async ({ probes, clock }) => {
    const since = await oldestUnsealedAt(await probes.database());
    const lagMs = since === undefined ? 0 : clock.now().getTime() - since.getTime();
    const minutes = Math.round(lagMs / 60_000);
    if (lagMs > LAG_MAX_MS)
      return warn(
        `the oldest unsealed event is ${minutes} min old`,
        `最早的未封印事件已有 ${minutes} 分钟`,
      );
    return ok('up to date', '已跟上');
  },
};
