import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { masterKeysFrom } from '../../../../../lib/secret-box.ts';
import type { Check } from '../../check.ts';
import { isEmbedded } from '../../context.ts';
import { codeOf, fail, ok, skip, warn } from '../../finding.ts';
import { text } from '../../text.ts';

const OTHERS = 0o077;

export const keyFile: Check = {
  id: 'data-folder.key-file',
  title: text('secret.key in the data folder', '数据目录中的 secret.key'),
  symptom: text(
    '"secret.key holds no key of 32 bytes"',
    '提示 “secret.key holds no key of 32 bytes”',
  ),
  hint: text(
    'Put back the file of before, with mode 0600; without it stored credentials have to be entered again.',
    '恢复原来的文件，权限 0600；没有它就必须重新录入已保存的凭据。',
  ),
  place: 'host',
  needs: ['data-folder.usable'],
  appliesTo: (context) =>
    isEmbedded(context) && context.configuration.settings.masterKeys === undefined,
  run: async ({ folder, configuration }) => {
    const path = join(configuration.settings.dataDirectory, 'secret.key');
    const found = await stat(path).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (found === undefined) {
      if (folder.state === 'missing') return skip('not made yet', '尚未创建');
      return ok('the first start makes it', '首次启动时创建');
    }
    if (masterKeysFrom((await readFile(path, 'utf8')).trim().split('\n')) === undefined)
      return fail('it holds no key', '文件中没有有效的密钥');
    if ((found.mode & OTHERS) !== 0) return warn('others may read it', '其他用户可读');
    return ok('the owner alone', '仅所有者可读');
  },
};
