import { readChain } from '../../certificate.ts';
import type { Check } from '../../check.ts';
import { fail, ok, reasonOf, warn } from '../../finding.ts';
import { certificateOf, ofCertificate } from '../../of-certificate.ts';
import { text } from '../../text.ts';

const DAY_MS = 86_400_000;
const WARN_DAYS = 21;

export const certificateExpiry: Check = {
  ...ofCertificate,
  id: 'tls.expiry',
  title: text('TLS certificate', 'TLS 证书'),
  symptom: text('Browsers and SDKs refuse the certificate', '浏览器与 SDK 拒绝证书'),
  hint: text(
    'Renew it, put it where Nginx reads it, and reload Nginx.',
    '续期证书，放到 Nginx 读取的位置，并重新加载 Nginx。',
  ),
  run: async (context) => {
    const { path } = certificateOf(context);
    try {
      const [certificate] = await readChain(path);
      if (certificate === undefined)
        return fail(`${path} holds no certificate`, `${path} 中没有证书`);
      const now = context.clock.now().getTime();
      const { validFrom, validTo } = certificate;
      const days = Math.floor((new Date(validTo).getTime() - now) / DAY_MS);
      if (days < 0) return fail(`ended ${validTo}`, `已于 ${validTo} 过期`);
      if (new Date(validFrom).getTime() > now)
        return fail(`begins ${validFrom}`, `${validFrom} 起才有效`);
      const [en, zh] = [`${days} days left`, `剩余 ${days} 天`];
      return days < WARN_DAYS ? warn(en, zh) : ok(en, zh);
    } catch (error) {
      const reason = reasonOf(error);
      return fail(`cannot be read: ${reason}`, `无法读取：${reason}`);
    }
  },
};
