import type { Check } from '../../check.ts';
import { ok, warn } from '../../finding.ts';
import { text } from '../../text.ts';

export const timeZone: Check = {
  id: 'host.time-zone',
  title: text('Time zone', '时区'),
  symptom: text('Times on the pages and in the log differ', '页面与日志中的时间不一致'),
  hint: text(
    'Set TZ to a name such as Asia/Shanghai or leave it out; what is stored is always UTC.',
    '把 TZ 设为 Asia/Shanghai 之类的名称，或不设置；存储的时间始终是 UTC。',
  ),
  place: 'host',
  run: async ({ host: { timeZone: name } }) => {
    if (name === undefined || name === '') return ok('of the system', '使用系统时区');
    return isTimeZone(name)
      ? ok(name, name)
      : warn(`TZ names no time zone: ${name}`, `TZ 不是有效的时区：${name}`);
  },
};

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
