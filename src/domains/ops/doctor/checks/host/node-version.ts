import type { Check } from '../../check.ts';
import { fail, ok } from '../../finding.ts';
import { text } from '../../text.ts';

const MAJOR_MIN = 24;

export const nodeVersion: Check = {
  id: 'host.node-version',
  title: text('Version of Node.js', 'Node.js 版本'),
  symptom: text(
    '`SyntaxError` or `ERR_UNKNOWN_FILE_EXTENSION` at the start',
    '启动时出现 `SyntaxError` 或 `ERR_UNKNOWN_FILE_EXTENSION`',
  ),
  hint: text(
    'Install Node.js 24 or newer; `npm ci` brings one along on Linux and Windows.',
    '安装 Node.js 24 或更高版本；在 Linux 和 Windows 上 `npm ci` 会自带一个。',
  ),
  place: 'host',
  run: async ({ host }) => {
    const major = Number(/^v?(\d+)/.exec(host.nodeVersion)?.[1]);
    if (major >= MAJOR_MIN) return ok(host.nodeVersion, host.nodeVersion);
    return fail(
      `${host.nodeVersion}, and ${MAJOR_MIN} or newer is needed`,
      `当前为 ${host.nodeVersion}，需要 ${MAJOR_MIN} 或更高版本`,
    );
  },
};
