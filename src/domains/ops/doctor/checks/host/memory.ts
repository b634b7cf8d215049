import type { Check } from '../../check.ts';
import { fail, ok, warn } from '../../finding.ts';
import { sizeText } from '../../size-text.ts';
import { text } from '../../text.ts';

const LIMIT_MIN_BYTES = 400 * 1024 ** 2;

export const memory: Check = {
  id: 'host.memory',
  title: text('Memory limit and heap of Node.js', '内存上限与 Node.js 堆'),
  symptom: text(
    'The process ends with code 137, or `OOMKilled`',
    '进程以退出码 137 或 `OOMKilled` 结束',
  ),
  hint: text(
    'Give the container more memory, or set NODE_OPTIONS=--max-old-space-size to about 70 % of it.',
    '增加容器内存，或把 NODE_OPTIONS=--max-old-space-size 设为内存上限的约 70%。',
  ),
  place: 'host',
  run: async ({ host }) => {
    const { limitBytes, heapLimitBytes } = host.memory();
    const [limit, heap] = [sizeText(limitBytes), sizeText(heapLimitBytes)];
    const [en, zh] = [`limit ${limit}, heap up to ${heap}`, `上限 ${limit}，堆最大 ${heap}`];
    if (limitBytes < LIMIT_MIN_BYTES) return fail(en, zh);
    return heapLimitBytes > limitBytes ? warn(en, zh) : ok(en, zh);
  },
};
