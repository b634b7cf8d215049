import { isLinked, readChain } from '../../certificate.ts';
import type { Check } from '../../check.ts';
import { fail, ok, skip, warn } from '../../finding.ts';
import { certificateOf, ofCertificate } from '../../of-certificate.ts';
import { text } from '../../text.ts';

export const certificateChain: Check = {
  ...ofCertificate,
  id: 'tls.chain',
  title: text('Chain of the certificate', '证书链'),
  symptom: text(
    'Browsers work, SDKs say "unable to verify the first certificate"',
    '浏览器正常，SDK 提示 “unable to verify the first certificate”',
  ),
  hint: text(
    'Write the certificates of the issuers behind the own one, in order (fullchain.pem).',
    '把签发者证书按顺序写在服务器证书之后（fullchain.pem）。',
  ),
  run: async (context) => {
    const chain = await readChain(certificateOf(context).path).catch(() => []);
    const [own] = chain;
    if (own === undefined) return skip('there is no certificate', '没有证书');
    if (!isLinked(chain)) return fail('its parts are not in order', '各证书顺序不正确');
    const isSelfSigned = own.subject === own.issuer;
    if (isSelfSigned) return warn('signed by itself', '自签名');
    return chain.length === 1
      ? warn('the certificate of the issuer is missing', '缺少签发者证书')
      : ok(`${chain.length} certificates`, `${chain.length} 张证书`);
  },
};
