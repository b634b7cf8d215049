import type { Check } from '../../check.ts';
import { fail, ok } from '../../finding.ts';
import { ofServedDatabase, serverFacts } from '../../server-facts.ts';
import { text } from '../../text.ts';

export const databaseWritable: Check = {
  ...ofServedDatabase,
  id: 'database.writable',
  title: text('Whether the database takes writes', '数据库是否可写'),
  symptom: text(
    '"cannot execute … in a read-only transaction"',
    '提示 “cannot execute … in a read-only transaction”',
  ),
  hint: text(
    'Point DATABASE_URL to the primary; after a fail-over promote the replica; switch default_transaction_read_only off.',
    '让 DATABASE_URL 指向主库；故障切换后提升副本；关闭 default_transaction_read_only。',
  ),
  run: async (context, signal) => {
    const { isReplica, isReadOnly } = await serverFacts(context, signal);
    if (isReplica) return fail('it is a replica', '这是只读副本');
    if (isReadOnly)
      return fail('default_transaction_read_only is on', 'default_transaction_read_only 已开启');
    return ok('yes', '可写');
  },
};
