import type { Check } from '../../check.ts';
import { ok, warn } from '../../finding.ts';
import { text } from '../../text.ts';

export const unknownVariables: Check = {
  id: 'configuration.unknown-variables',
  title: text('Variables that nothing reads', '未被识别的变量'),
  symptom: text('A setting has no effect', '某项设置不起作用'),
  hint: text(
    'Correct the name or take it out; docs/configuration.md lists every variable.',
    '改正名称或删除；全部变量见 docs/configuration.md。',
  ),
  place: 'host',
  run: async ({ configuration: { unknown } }) =>
    unknown.length === 0 ? ok('none', '无') : warn(unknown.join(', '), unknown.join('、')),
};
