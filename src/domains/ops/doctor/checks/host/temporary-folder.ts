import type { Check } from '../../check.ts';
import { fail, ok } from '../../finding.ts';
import { text } from '../../text.ts';

export const temporaryFolder: Check = {
  id: 'host.temporary-folder',
  title: text('Folder for temporary files', '临时文件目录'),
  symptom: text('Uploads fail with `EROFS` or `EACCES`', '上传失败，提示 `EROFS` 或 `EACCES`'),
  hint: text(
    'Point TMPDIR to a folder that this user may write to; in containers mount a tmpfs at /tmp.',
    '让 TMPDIR 指向当前用户可写的目录；容器中在 /tmp 挂载 tmpfs。',
  ),
  place: 'host',
  run: async ({ host }) => {
    const path = host.temporaryFolder;
    return (await host.canWrite(path))
      ? ok(path, path)
      : fail(`${path} cannot be written`, `${path} 不可写`);
  },
};
