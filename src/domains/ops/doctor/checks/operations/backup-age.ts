import { lastSuccesses } from '../../../backup/run-repository.ts';
import type { Check } from '../../check.ts';
import { isEmbedded } from '../../context.ts';
import { ok, skip, warn } from '../../finding.ts';
import { ofStored } from '../../of-stored.ts';
import { text } from '../../text.ts';

const HOUR_MS = 3_600_000;
// Backups are daily, and one may take two hours.
const AGE_MAX_HOURS = 26;

export const backupAge: Check = {
  ...ofStored,
  id: 'backup.age',
  title: text('Age of the newest backup', '最新备份的时间'),
  symptom: text('`llamp backup list` shows nothing recent', '`llamp backup list` 没有近期备份'),
  hint: text(
    'Set LLAMP_BACKUP_TARGETS and LLAMP_BACKUP_SCHEDULE, or run `llamp backup create`; the log says why a backup failed.',
    '设置 LLAMP_BACKUP_TARGETS 与 LLAMP_BACKUP_SCHEDULE，或运行 `llamp backup create`；失败原因见日志。',
  ),
  run: async (context) => {
    const { probes, clock, configuration } = context;
    const runs = await lastSuccesses(await probes.database());
    const last = runs.find(({ kind }) => kind === 'backup')?.ended_at;
    if (last === undefined || last === null) {
      const isWanted = configuration.settings.backup.targets.length > 0 || !isEmbedded(context);
      return isWanted
        ? warn('there is none', '没有备份')
        : skip('no target is set', '未设置备份目标');
    }
    const hours = Math.round((clock.now().getTime() - last.getTime()) / HOUR_MS);
    const [en, zh] = [`${hours} h`, `${hours} 小时`];
    return hours > AGE_MAX_HOURS ? warn(en, zh) : ok(en, zh);
  },
};
