import type { Check } from '../../check.ts';
import { verifyStoredSecretKey } from '../../../secrets/index.ts';
import { fail, ok, skip } from '../../finding.ts';
import { text } from '../../text.ts';

export const secretKeyFits: Check = {
  id: 'secrets.key-fits',
  title: text('Whether the key opens what is stored', '主密钥能否打开已存凭据'),
  symptom: text(
    '"LLAMP_SECRET_KEY is not the key of this installation"',
    '提示 “LLAMP_SECRET_KEY is not the key of this installation”',
  ),
  hint: text(
    'Set the key that was set before, beside the new one if it is being replaced; for an embedded installation put back secret.key.',
    '设置原来的密钥（替换期间与新密钥并列）；嵌入式安装则恢复 secret.key。',
  ),
  place: 'data',
  needs: ['database.schema', 'data-folder.key-file'],
  run: async ({ probes }) => {
    const box = await probes.secretBox();
    const reason = await verifyStoredSecretKey(await probes.database(), box);
    if (reason !== undefined) return fail(reason, reason);
    return box === undefined
      ? skip('there is no key', '没有密钥')
      : ok(`key ${box.keyId}`, `密钥 ${box.keyId}`);
  },
};
