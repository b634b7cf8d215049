import type { Check } from '../../check.ts';
import { fail, ok } from '../../finding.ts';
import { ofServedDatabase, serverFacts } from '../../server-facts.ts';
import { text } from '../../text.ts';

export const databaseEncoding: Check = {
  ...ofServedDatabase,
  id: 'database.encoding',
  title: text('Character set of the database', '数据库字符集'),
  symptom: text('Chinese text is refused or garbled', '中文被拒绝或乱码'),
  hint: text(
    "Make the database anew: `create database … encoding 'UTF8' template template0`, and restore a backup into it.",
    "重建数据库：`create database … encoding 'UTF8' template template0`，再恢复备份。",
  ),
  run: async (context, signal) => {
    const { encoding } = await serverFacts(context, signal);
    return encoding === 'UTF8' ? ok(encoding, encoding) : fail(encoding, encoding);
  },
};
