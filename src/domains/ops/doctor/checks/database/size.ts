import type { Check } from '../../check.ts';
import { ok } from '../../finding.ts';
import { ofServedDatabase, serverFacts } from '../../server-facts.ts';
import { sizeText } from '../../size-text.ts';
import { text } from '../../text.ts';

export const databaseSize: Check = {
  ...ofServedDatabase,
  id: 'database.size',
  title: text('Size of the database', '数据库大小'),
  symptom: text('The disk of PostgreSQL fills', 'PostgreSQL 的磁盘被占满'),
  hint: text(
    'Watch the disk of its server; PostgreSQL does not tell.',
    '监控其服务器的磁盘，PostgreSQL 本身不提供该信息。',
  ),
  run: async (context, signal) => {
    const size = sizeText((await serverFacts(context, signal)).sizeBytes);
    return ok(size, size);
  },
};
