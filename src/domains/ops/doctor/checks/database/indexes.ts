import type { Check } from '../../check.ts';
import { listInvalidIndexes } from '../../database-repository.ts';
import { ok, warn } from '../../finding.ts';
import { ofServedDatabase } from '../../server-facts.ts';
import { text } from '../../text.ts';

const LISTED_MAX = 10;

export const databaseIndexes: Check = {
  ...ofServedDatabase,
  id: 'database.indexes',
  title: text('Indexes that are not valid', '无效的索引'),
  symptom: text('Queries are slow after a migration that was stopped', '迁移被中断后查询变慢'),
  hint: text(
    '`reindex index concurrently <name>` for each.',
    '对每个索引执行 `reindex index concurrently <名称>`。',
  ),
  run: async ({ probes }, signal) => {
    const names = await listInvalidIndexes(await probes.database(), LISTED_MAX, {
      timeoutMs: 5_000,
      signal,
    });
    if (names.length === 0) return ok('none', '无');
    return warn(names.join(', '), names.join('、'));
  },
};
