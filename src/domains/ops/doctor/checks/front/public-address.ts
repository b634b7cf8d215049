import { request } from 'undici';
import type { Check } from '../../check.ts';
import { codeOf, fail, ok, reasonOf, skip } from '../../finding.ts';
import { text } from '../../text.ts';

const TIMEOUT_MS = 5_000;

export const publicAddress: Check = {
  id: 'front.public-address',
  title: text('Whether the public address leads here', '对外地址是否可达'),
  symptom: text(
    '502 or 504 from Nginx, or a page of something else',
    'Nginx 返回 502 或 504，或打开的是别的页面',
  ),
  hint: text(
    'Look at the servers in the upstream block of Nginx, and at DNS and firewall of the address.',
    '检查 Nginx upstream 配置、域名解析与防火墙。',
  ),
  place: 'host',
  appliesTo: ({ configuration }) => configuration.settings.http.publicUrl !== undefined,
  run: async ({ configuration, folder }, signal) => {
    if (folder.state !== 'served') return skip('no server runs here', '本机没有运行服务');
    const address = configuration.settings.http.publicUrl ?? '';
    try {
      const { statusCode, body } = await request(`${address}/health/live`, {
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: TIMEOUT_MS,
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      const isAlive = (await body.text()).includes('"status":"ok"');
      if (isAlive) return ok(`${address} answers`, `${address} 应答正常`);
      return fail(`${address} answers ${statusCode}`, `${address} 应答 ${statusCode}`);
    } catch (error) {
      const reason = codeOf(error) || reasonOf(error);
      return fail(`${address}: ${reason}`, `${address}：${reason}`);
    }
  },
};
