import type { Check } from '../../check.ts';
import { ok, warn } from '../../finding.ts';
import { text } from '../../text.ts';

export const locale: Check = {
  id: 'host.locale',
  title: text('Character set of the locale', '区域设置的字符集'),
  symptom: text('File names with Chinese characters become question marks', '中文文件名变成问号'),
  hint: text('Set LANG=C.UTF-8, and leave LC_ALL out.', '设置 LANG=C.UTF-8，并取消 LC_ALL。'),
  place: 'host',
  run: async ({ environment }) => {
    const name = environment['LC_ALL'] || environment['LC_CTYPE'] || environment['LANG'];
    if (name === undefined || name === '') return ok('not set', '未设置');
    const isWide = /utf-?8/i.test(name) || /^(C|POSIX)$/.test(name);
    return isWide ? ok(name, name) : warn(`${name} is not UTF-8`, `${name} 不是 UTF-8`);
  },
};
