import type { Check } from '../../check.ts';
import { fail, ok, warn } from '../../finding.ts';
import { ofServedDatabase, serverFacts } from '../../server-facts.ts';
import { text } from '../../text.ts';

export const databaseRights: Check = {
  ...ofServedDatabase,
  id: 'database.rights',
  title: text('Rights of the database user', '数据库用户的权限'),
  symptom: text(
    '"permission denied for schema public"',
    '提示 “permission denied for schema public”',
  ),
  hint: text(
    'Let a user that is no superuser own the database: `alter database … owner to …`.',
    '由非超级用户拥有该数据库：`alter database … owner to …`。',
  ),
  run: async (context, signal) => {
    const { isSuperuser, mayCreate } = await serverFacts(context, signal);
    if (!mayCreate) return fail('may not make tables', '无权创建表');
    return isSuperuser
      ? warn(
          'a superuser: a leak would open the whole server',
          '超级用户：一旦泄露会危及整个服务器',
        )
      : ok('owner of its tables, no superuser', '拥有自己的表，非超级用户');
  },
};
