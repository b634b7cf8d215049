import type { Check } from '../../check.ts';
import { fail, ok } from '../../finding.ts';
import { text } from '../../text.ts';

/** Alone in what it needs: with a wrong configuration nothing else can be looked at. */
export const validConfiguration: Check = {
  id: 'configuration.valid',
  title: text('Environment variables', '环境变量'),
  symptom: text(
    'The start ends with code 78 and "the configuration has … mistake(s)"',
    '启动以退出码 78 结束，提示 “the configuration has … mistake(s)”',
  ),
  hint: text(
    'Correct each variable as it says; docs/configuration.md lists all of them.',
    '按提示逐一改正；全部变量见 docs/configuration.md。',
  ),
  place: 'host',
  run: async ({ configuration: { mistakes } }) => {
    if (mistakes.length === 0) return ok('all of them are right', '全部正确');
    const list = mistakes.map(({ variable, reason, fix }) => `${variable} ${reason}: ${fix}`);
    return fail(list.join('; '), list.join('；'));
  },
};
