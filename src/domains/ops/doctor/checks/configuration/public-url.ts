import type { Check } from '../../check.ts';
import { ok, warn } from '../../finding.ts';
import { isLoopback } from '../../loopback.ts';
import { text } from '../../text.ts';

export const publicUrl: Check = {
  id: 'configuration.public-url',
  title: text('Public address', '对外地址'),
  symptom: text(
    'Keys travel in plain text; the address of every client is that of the proxy',
    '密钥以明文传输；所有客户端的地址都是代理地址',
  ),
  hint: text(
    'Serve it over https, and name the proxy in LLAMP_TRUSTED_PROXIES.',
    '通过 https 提供服务，并把代理写入 LLAMP_TRUSTED_PROXIES。',
  ),
  place: 'host',
  appliesTo: ({ configuration }) => configuration.settings.http.publicUrl !== undefined,
  run: async ({ configuration }) => {
    const { publicUrl: address = '', trustedProxies } = configuration.settings.http;
    const { protocol, hostname } = new URL(address);
    if (protocol === 'http:' && !isLoopback(hostname))
      return warn(`${address} is not encrypted`, `${address} 未加密`);
    if (protocol === 'https:' && trustedProxies.length === 0)
      return warn(
        `${address} has a proxy in front that is not trusted`,
        `${address} 前面的代理未列入信任名单`,
      );
    return ok(address, address);
  },
};
