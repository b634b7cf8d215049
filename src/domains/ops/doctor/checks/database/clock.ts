import type { Check } from '../../check.ts';
import { judgeClock } from '../../clock-difference.ts';
import { ofServedDatabase, serverFacts } from '../../server-facts.ts';
import { text } from '../../text.ts';

export const databaseClock: Check = {
  ...ofServedDatabase,
  id: 'database.clock',
  title: text('Clock against PostgreSQL', '与 PostgreSQL 的时钟差'),
  symptom: text('Sessions end too early, jobs start too late', '会话过早失效，任务启动过晚'),
  hint: text('Run NTP (chrony) on both machines.', '在两台机器上运行 NTP（chrony）。'),
  run: async (context, signal) => {
    const { now } = await serverFacts(context, signal);
    return judgeClock(now, context.clock.now());
  },
};
