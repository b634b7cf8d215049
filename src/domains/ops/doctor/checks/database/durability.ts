import type { Check } from '../../check.ts';
import { ok, warn } from '../../finding.ts';
import { ofServedDatabase, serverFacts } from '../../server-facts.ts';
import { text } from '../../text.ts';

export const databaseDurability: Check = {
  ...ofServedDatabase,
  id: 'database.durability',
  title: text('Durability of commits', '提交的持久性'),
  symptom: text('Acknowledged data is gone after a power cut', '断电后已确认的数据丢失'),
  hint: text(
    'Set fsync, full_page_writes and synchronous_commit to on; only a server for tests may do without.',
    '把 fsync、full_page_writes、synchronous_commit 设为 on；只有测试用服务器可以关闭。',
  ),
  run: async (context, signal) => {
    const { fsync, fullPageWrites, synchronousCommit } = await serverFacts(context, signal);
    const off = Object.entries({
      fsync,
      full_page_writes: fullPageWrites,
      synchronous_commit: synchronousCommit,
    }).flatMap(([name, value]) => (value === 'off' ? [name] : []));
    if (off.length === 0) return ok('commits are on disk', '提交已落盘');
    return warn(`off: ${off.join(', ')}`, `已关闭：${off.join('、')}`);
  },
};
