import { join } from 'node:path';
import { DatabaseError } from '../../../../../ports/database.ts';
import type { Check } from '../../check.ts';
import { type DoctorContext, isEmbedded } from '../../context.ts';
import { filesIn } from '../../files-in.ts';
import { codeOf, fail, ok, reasonOf, skip } from '../../finding.ts';
import { text } from '../../text.ts';

const PASSWORD_STATES = ['28000', '28P01'];

export const databaseReachable: Check = {
  id: 'database.reachable',
  title: text('Database', '数据库'),
  symptom: text(
    '"PostgreSQL at … cannot be used", `/health` says the database failed',
    '提示 “PostgreSQL at … cannot be used”，`/health` 显示数据库失败',
  ),
  hint: text(
    'Start PostgreSQL or correct DATABASE_URL; its log says more. An embedded database that does not open: restore the newest backup.',
    '启动 PostgreSQL 或改正 DATABASE_URL，其日志有更多信息。嵌入式数据库无法打开时，恢复最新备份。',
  ),
  place: 'data',
  needs: ['host.store-names', 'data-folder.usable', 'data-folder.lock'],
  run: async (context) => {
    if (isEmbedded(context) && (await isEmpty(context)))
      return skip('nothing is stored yet', '尚无数据');
    try {
      const { serverVersion } = await context.probes.database();
      const version = `${Math.floor(serverVersion / 10_000)}.${serverVersion % 10_000}`;
      return isEmbedded(context)
        ? ok(`embedded, PostgreSQL ${version}`, `嵌入式，PostgreSQL ${version}`)
        : ok(`PostgreSQL ${version}`, `PostgreSQL ${version}`);
    } catch (error) {
      const reason = reasonOf(error) || codeOf(error);
      const state = error instanceof DatabaseError ? error.sqlState : undefined;
      if (state !== undefined && PASSWORD_STATES.includes(state))
        return fail(
          `user or password is wrong: ${reason}`,
          `用户名或密码错误：${reason}`,
          text(
            'Correct user and password in DATABASE_URL.',
            '改正 DATABASE_URL 中的用户名和密码。',
          ),
        );
      if (state === '3D000')
        return fail(
          reason,
          `数据库不存在：${reason}`,
          text(
            '`createdb` it, or correct DATABASE_URL.',
            '用 `createdb` 创建，或改正 DATABASE_URL。',
          ),
        );
      return fail(reason, reason);
    }
  },
};

// The database would be made by looking at it. One that a server has open is there.
async function isEmpty({ configuration, folder }: DoctorContext): Promise<boolean> {
  if (folder.state === 'ours') return false;
  const directory = join(configuration.settings.dataDirectory, 'database');
  return (await filesIn(directory)).length === 0;
}
