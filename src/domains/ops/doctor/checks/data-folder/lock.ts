import type { Check } from '../../check.ts';
import { fail, ok } from '../../finding.ts';
import { text } from '../../text.ts';

export const folderLock: Check = {
  id: 'data-folder.lock',
  title: text('Who has the data folder', '数据目录的占用者'),
  symptom: text(
    '"the data folder … is in use by process …"',
    '提示 “the data folder … is in use by process …”',
  ),
  hint: text(
    'Stop that process, or set LLAMP_DATA_DIR and LLAMP_PORT as it has them; one process at a time may use the folder.',
    '停止该进程，或使 LLAMP_DATA_DIR、LLAMP_PORT 与其一致；同一时间只能有一个进程使用该目录。',
  ),
  place: 'host',
  run: async ({ folder }) => {
    if (folder.state === 'served') return ok('the running server', '正在运行的服务');
    if (folder.state !== 'held') return ok('nobody', '无');
    const by = folder.by === undefined ? '' : ` ${folder.by}`;
    return fail(
      `process${by}, which does not answer on the configured port`,
      `进程${by}，且它不在配置的端口上应答`,
    );
  },
};
