import { stat } from 'node:fs/promises';
import type { Check } from '../../check.ts';
import { ok, warn } from '../../finding.ts';
import { text } from '../../text.ts';

const OTHERS = 0o007;

export const secretFiles: Check = {
  id: 'configuration.secret-files',
  title: text('Who may read the files of secrets', '密钥文件的权限'),
  symptom: text('Every user of the machine can read a secret', '本机所有用户都能读取密钥'),
  hint: text('`chmod o= <file>` for each of them.', '对每个文件执行 `chmod o= <文件>`。'),
  place: 'host',
  appliesTo: ({ configuration }) => configuration.secretFiles.length > 0,
  run: async ({ configuration }) => {
    const open: string[] = [];
    for (const { variable, path } of configuration.secretFiles) {
      const { mode } = await stat(path);
      if ((mode & OTHERS) !== 0) open.push(`${path} (${variable})`);
    }
    if (open.length > 0)
      return warn(`open to everybody: ${open.join(', ')}`, `所有人可读：${open.join('、')}`);
    return ok('the owner and its group alone', '仅所有者及其组');
  },
};
