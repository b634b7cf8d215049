import { requireCurrentSchema, SchemaError, schemaStatus } from '../../../migration/index.ts';
import type { Check } from '../../check.ts';
import { isEmbedded } from '../../context.ts';
import { fail, ok, skip, warn } from '../../finding.ts';
import { text } from '../../text.ts';

const HINTS = {
  schema_outdated: text('Run `llamp migrate`.', '运行 `llamp migrate`。'),
  schema_newer: text(
    'Start the newer release that migrated it, or restore the backup of before.',
    '启动执行过迁移的新版本，或恢复迁移前的备份。',
  ),
  migration_changed: text(
    'Restore the migration files of the release; they are never edited.',
    '恢复该版本的迁移文件；迁移文件从不修改。',
  ),
  migration_gap: text('Restore a backup.', '恢复备份。'),
  restore_unfinished: text(
    'Run the restore again to its end: `llamp backup restore`.',
    '再次运行恢复直到完成：`llamp backup restore`。',
  ),
  migration_locked: text('Wait for the other process, or stop it.', '等待另一个进程，或将其停止。'),
};

export const databaseSchema: Check = {
  id: 'database.schema',
  title: text('Schema of the database', '数据库结构版本'),
  symptom: text(
    '"the database is at schema … and this release needs …"',
    '提示 “the database is at schema … and this release needs …”',
  ),
  hint: text(
    'Run `llamp migrate` when the database is behind; start the newer release when it is ahead.',
    '数据库落后时运行 `llamp migrate`；数据库较新时启动新版本。',
  ),
  place: 'data',
  needs: ['database.reachable'],
  run: async (context) => {
    const { directory, extensions } = context.schema;
    const database = await context.probes.database();
    const { current, expected } = await schemaStatus(database, directory);
    const [en, zh] = [`${current} of ${expected}`, `${current}/${expected}`];
    try {
      await requireCurrentSchema(database, directory, await extensions());
      return ok(en, zh);
    } catch (error) {
      if (!(error instanceof SchemaError)) throw error;
      if (error.code === 'schema_outdated' && isEmbedded(context))
        return current === 0
          ? skip('nothing is stored yet', '尚无数据')
          : warn(
              `${en}; the next start migrates it`,
              `${zh}；下次启动时自动迁移`,
              text('Start the server.', '启动服务。'),
            );
      return fail(error.message, `${zh}：${error.message}`, HINTS[error.code]);
    }
  },
};
