import { listEnabledModels } from '../../../../models/checks.ts';
import { hasMoneyLimits, listPricedModels } from '../../../../usage/checks.ts';
import type { Check } from '../../check.ts';
import { ok, warn } from '../../finding.ts';
import { listed, ofStored } from '../../of-stored.ts';
import { text } from '../../text.ts';

export const unpricedModels: Check = {
  ...ofStored,
  id: 'models.unpriced',
  title: text('Models without a price', '没有价格的模型'),
  symptom: text('Calls cost nothing, budgets are never used up', '调用费用为零，预算从不减少'),
  hint: text(
    'Add the models to the price list (PUT /api/v1/prices); `*` at the end of a name stands for many.',
    '把模型加入价格表（PUT /api/v1/prices）；名称末尾的 `*` 可匹配多个模型。',
  ),
  run: async ({ probes }) => {
    const database = await probes.database();
    const priced = await listPricedModels(database);
    if (priced === undefined && !(await hasMoneyLimits(database)))
      return ok('no prices and no budgets', '未使用价格与预算');
    const patterns = priced ?? [];
    const names = (await listEnabledModels(database)).filter((name) => !isPriced(name, patterns));
    if (names.length > 0) return warn(listed(names), listed(names, '、'));
    return priced === undefined
      ? warn('there are budgets and no prices', '有预算但没有价格表')
      : ok('none', '无');
  },
};

const isPriced = (name: string, patterns: readonly string[]) =>
  patterns.some((pattern) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  );
