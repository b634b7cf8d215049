import type { Check } from '../../check.ts';
import { isEmbedded } from '../../context.ts';
import { ok, warn } from '../../finding.ts';
import { text } from '../../text.ts';

export const secretKeySet: Check = {
  id: 'configuration.secret-key',
  title: text('Key that seals stored secrets', '加密存储凭据的主密钥'),
  symptom: text(
    '`secret_key_missing` when a provider is given a credential',
    '为供应商保存凭据时提示 `secret_key_missing`',
  ),
  hint: text(
    'Set LLAMP_SECRET_KEY, the same for every instance: `openssl rand -base64 32`.',
    '设置 LLAMP_SECRET_KEY，所有实例相同：`openssl rand -base64 32`。',
  ),
  place: 'host',
  appliesTo: (context) => !isEmbedded(context),
  run: async ({ configuration: { settings } }) =>
    settings.masterKeys === undefined
      ? warn('not set: no credential can be stored', '未设置：无法保存任何凭据')
      : ok('set', '已设置'),
};
