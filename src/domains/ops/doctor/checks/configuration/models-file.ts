import type { Check } from '../../check.ts';
import { fail, ok } from '../../finding.ts';
import { text } from '../../text.ts';

export const modelsFile: Check = {
  id: 'configuration.models-file',
  title: text('File of models', '模型配置文件'),
  symptom: text(
    'Models of LLAMP_CONFIG_FILE are missing, a SIGHUP changes nothing',
    'LLAMP_CONFIG_FILE 中的模型缺失，SIGHUP 后没有变化',
  ),
  hint: text(
    'Correct the file; docs/models.md describes it.',
    '改正该文件；格式见 docs/models.md。',
  ),
  place: 'host',
  appliesTo: ({ configuration }) => configuration.modelsFileMistakes !== undefined,
  run: async ({ configuration }) => {
    const mistakes = (await configuration.modelsFileMistakes?.()) ?? [];
    if (mistakes.length === 0) return ok('it is right', '正确');
    const list = mistakes.map(({ reason }) => reason).join('; ');
    return fail(list, list);
  },
};
