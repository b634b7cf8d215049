import { listUnservedModels } from '../../../../models/checks.ts';
import type { Check } from '../../check.ts';
import { ok, warn } from '../../finding.ts';
import { listed, ofStored } from '../../of-stored.ts';
import { text } from '../../text.ts';

export const unservedModels: Check = {
  ...ofStored,
  id: 'models.unserved',
  title: text('Models without a deployment', '没有部署的模型'),
  symptom: text(
    '`model_unusable` for a model that is configured',
    '已配置的模型返回 `model_unusable`',
  ),
  hint: text(
    'Give the model a deployment that is switched on, with a provider that is; or switch the model off.',
    '为模型添加已启用的部署（其供应商也须启用），或停用该模型。',
  ),
  run: async ({ probes }) => {
    const names = await listUnservedModels(await probes.database());
    return names.length === 0 ? ok('none', '无') : warn(listed(names), listed(names, '、'));
  },
};
