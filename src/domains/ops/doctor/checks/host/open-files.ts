import type { Check } from '../../check.ts';
import { fail, ok, warn } from '../../finding.ts';
import { text } from '../../text.ts';

const FAIL_BELOW = 512;
const WARN_BELOW = 4_096;

export const openFiles: Check = {
  id: 'host.open-files',
  title: text('Limit of open files', '打开文件数上限'),
  symptom: text('`EMFILE: too many open files`', '`EMFILE: too many open files`'),
  hint: text(
    'Raise it: `ulimit -n 65536`, `LimitNOFILE=` of systemd, or `ulimits` of the container.',
    '提高上限：`ulimit -n 65536`、systemd 的 `LimitNOFILE=`，或容器的 `ulimits`。',
  ),
  place: 'host',
  run: async ({ host }) => {
    const limit = await host.openFilesMax();
    if (limit === undefined) return ok('this system does not tell', '该系统不提供此信息');
    const [en, zh] = [`${limit}`, `${limit}`];
    if (limit < FAIL_BELOW) return fail(en, zh);
    return limit < WARN_BELOW ? warn(en, zh) : ok(en, zh);
  },
};
