import type { Check } from '../../check.ts';
import { listLongTransactions } from '../../database-repository.ts';
import { ok, warn } from '../../finding.ts';
import { ofServedDatabase } from '../../server-facts.ts';
import { text } from '../../text.ts';

const LISTED_MAX = 5;

export const longTransactions: Check = {
  ...ofServedDatabase,
  id: 'database.long-transactions',
  title: text('Transactions open for long', '长时间未结束的事务'),
  symptom: text(
    'Tables grow, `vacuum` frees nothing, migrations wait',
    '表不断增大，`vacuum` 无法回收，迁移一直等待',
  ),
  hint: text(
    'End them: `select pg_terminate_backend(<pid>)`; look for the client that left them open.',
    '结束它们：`select pg_terminate_backend(<pid>)`，并找出没有结束事务的客户端。',
  ),
  run: async ({ probes, options }, signal) => {
    const found = await listLongTransactions(
      await probes.database(),
      { olderThanMs: options.longTransactionMs, limit: LISTED_MAX },
      { timeoutMs: 5_000, signal },
    );
    if (found.length === 0) return ok('none', '无');
    const list = found.map(({ pid, application, seconds }) => `${pid} ${application} ${seconds} s`);
    return warn(list.join(', '), list.join('、'));
  },
};
