import { fitsKey, readChain } from '../../certificate.ts';
import type { Check } from '../../check.ts';
import { fail, ok, reasonOf, skip } from '../../finding.ts';
import { certificateOf, ofCertificate } from '../../of-certificate.ts';
import { text } from '../../text.ts';

export const certificateKey: Check = {
  ...ofCertificate,
  id: 'tls.key',
  title: text('Private key of the certificate', '证书私钥'),
  symptom: text(
    'Nginx does not start: "key values mismatch"',
    'Nginx 无法启动：“key values mismatch”',
  ),
  hint: text('Use the key that the certificate was made for.', '使用与证书匹配的私钥。'),
  run: async (context) => {
    const { path, keyPath } = certificateOf(context);
    if (keyPath === undefined)
      return skip('only with --certificate-key', '仅在使用 --certificate-key 时检查');
    const [certificate] = await readChain(path).catch(() => []);
    if (certificate === undefined) return skip('there is no certificate', '没有证书');
    try {
      return (await fitsKey(certificate, keyPath))
        ? ok('fits', '匹配')
        : fail('belongs to another certificate', '属于另一张证书');
    } catch (error) {
      const reason = reasonOf(error);
      return fail(`cannot be read: ${reason}`, `无法读取：${reason}`);
    }
  },
};
