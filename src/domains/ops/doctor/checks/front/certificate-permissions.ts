import { isOpenToOthers } from '../../certificate.ts';
import type { Check } from '../../check.ts';
import { ok, skip, warn } from '../../finding.ts';
import { certificateOf, ofCertificate } from '../../of-certificate.ts';
import { text } from '../../text.ts';

export const certificatePermissions: Check = {
  ...ofCertificate,
  id: 'tls.permissions',
  title: text('Who may read the private key', '私钥文件权限'),
  symptom: text('Every user of the machine can read the private key', '本机所有用户都能读取私钥'),
  hint: text(
    '`chmod 0600` or `0640` for the group of Nginx.',
    '执行 `chmod 0600`，或为 Nginx 所在组设为 `0640`。',
  ),
  run: async (context) => {
    const { keyPath } = certificateOf(context);
    if (keyPath === undefined)
      return skip('only with --certificate-key', '仅在使用 --certificate-key 时检查');
    const isOpen = await isOpenToOthers(keyPath).catch(() => undefined);
    if (isOpen === undefined) return skip('there is no key', '没有私钥');
    return isOpen ? warn('everybody', '所有人') : ok('the owner and its group', '所有者及其组');
  },
};
