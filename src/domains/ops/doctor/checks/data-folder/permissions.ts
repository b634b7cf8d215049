import { stat } from 'node:fs/promises';
import type { Check } from '../../check.ts';
import { ok, skip, warn } from '../../finding.ts';
import { text } from '../../text.ts';

const OTHERS_WRITE = 0o022;

export const folderPermissions: Check = {
  id: 'data-folder.permissions',
  title: text('Owner and mode of the data folder', '数据目录的所有者与权限'),
  symptom: text(
    'Files of the data folder belong to another user after a manual start',
    '手动启动后数据目录中的文件属于其他用户',
  ),
  hint: text(
    '`chown -R <user> <folder>` and `chmod 0700 <folder>`; always start as the same user.',
    '执行 `chown -R <用户> <目录>` 与 `chmod 0700 <目录>`；始终以同一用户启动。',
  ),
  place: 'host',
  needs: ['data-folder.usable'],
  run: async ({ folder, host, configuration }) => {
    if (folder.state === 'missing') return skip('not made yet', '尚未创建');
    const { mode, uid } = await stat(configuration.settings.dataDirectory);
    const octal = (mode & 0o777).toString(8);
    if ((mode & OTHERS_WRITE) !== 0)
      return warn(`others may write to it (mode ${octal})`, `其他用户可写（权限 ${octal}）`);
    if (host.userId !== undefined && uid !== host.userId)
      return warn(
        `belongs to user ${uid}, and this is user ${host.userId}`,
        `属于用户 ${uid}，而当前用户是 ${host.userId}`,
      );
    return ok(`mode ${octal}`, `权限 ${octal}`);
  },
};
