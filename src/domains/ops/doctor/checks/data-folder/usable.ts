import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Check } from '../../check.ts';
import { existingFolder } from '../../existing-folder.ts';
import { fail, ok } from '../../finding.ts';
import { text } from '../../text.ts';

export const usableFolder: Check = {
  id: 'data-folder.usable',
  title: text('Data folder', '数据目录'),
  symptom: text(
    '"the data folder … cannot be written" or "… is not a folder"',
    '提示 “the data folder … cannot be written” 或 “… is not a folder”',
  ),
  hint: text(
    'Make it writable for the user of the process, mount it for writing, or correct LLAMP_DATA_DIR.',
    '让运行用户可写、以可写方式挂载，或改正 LLAMP_DATA_DIR。',
  ),
  place: 'host',
  run: async ({ host, configuration }) => {
    const path = resolve(configuration.settings.dataDirectory);
    const nearest = existingFolder(path);
    if (!(await stat(nearest)).isDirectory())
      return fail(`${nearest} is not a folder`, `${nearest} 不是目录`);
    if (!(await host.canWrite(nearest)))
      return fail(`${nearest} cannot be written`, `${nearest} 不可写`);
    return nearest === path
      ? ok(path, path)
      : ok(`${path} will be made by the first start`, `${path} 将在首次启动时创建`);
  },
};
