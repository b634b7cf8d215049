import { listUnreadableSecrets } from '../../../secrets/index.ts';
import type { Check } from '../../check.ts';
import { fail, ok, skip } from '../../finding.ts';
import { text } from '../../text.ts';

const LISTED_MAX = 5;

export const sealedRows: Check = {
  id: 'secrets.sealed-rows',
  title: text('Stored secrets that do not open', '无法解密的已存凭据'),
  symptom: text(
    'A provider answers that its credential cannot be opened',
    '供应商提示凭据无法打开',
  ),
  hint: text(
    'Enter those secrets again, or delete them; add the older key to LLAMP_SECRET_KEY if it still exists.',
    '重新录入或删除这些凭据；若旧密钥还在，把它加入 LLAMP_SECRET_KEY。',
  ),
  place: 'data',
  needs: ['secrets.key-fits'],
  run: async ({ probes, sealedColumns }) => {
    const box = await probes.secretBox();
    if (box === undefined) return skip('there is no key', '没有密钥');
    const { looked, unreadable } = await listUnreadableSecrets(
      await probes.database(),
      box,
      sealedColumns,
    );
    if (unreadable.length === 0)
      return ok(`${looked} of ${looked} open`, `${looked}/${looked} 可打开`);
    const list = unreadable.slice(0, LISTED_MAX).map(({ table, key }) => `${table} ${key}`);
    return fail(
      `${unreadable.length} of ${looked}: ${list.join(', ')}`,
      `${unreadable.length}/${looked}：${list.join('、')}`,
    );
  },
};
