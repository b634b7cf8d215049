import type { Check } from '../../check.ts';
import { ok, warn } from '../../finding.ts';
import { text } from '../../text.ts';

const NAMES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'];

export const proxies: Check = {
  id: 'host.proxies',
  title: text('Variables of proxies', '代理变量'),
  symptom: text(
    'Upstreams cannot be reached although `curl` reaches them',
    '`curl` 可以访问上游，而 Llamp 不能',
  ),
  hint: text(
    'Llamp connects directly and reads no proxy variable: let it reach its upstreams, or set OPENAI_API_BASE to a forwarding address.',
    'Llamp 直接连接，不读取代理变量：放行到上游的连接，或把 OPENAI_API_BASE 设为转发地址。',
  ),
  place: 'host',
  run: async ({ environment }) => {
    const set = NAMES.filter((name) => environment[name]);
    if (set.length === 0) return ok('none is set', '均未设置');
    return warn(`${set.join(', ')} set, and not used`, `已设置 ${set.join('、')}，但不会被使用`);
  },
};
