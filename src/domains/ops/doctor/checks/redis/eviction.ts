import type { Check } from '../../check.ts';
import { ok, warn } from '../../finding.ts';
import { ofRedis, PROBE_TIMEOUT_MS } from '../../of-served-store.ts';
import { text } from '../../text.ts';

export const redisEviction: Check = {
  ...ofRedis,
  id: 'redis.eviction',
  title: text('What Redis does when it is full', 'Redis 写满时的行为'),
  symptom: text('`OOM command not allowed`', '`OOM command not allowed`'),
  hint: text(
    'Set maxmemory-policy to allkeys-lru: a full Redis then forgets what was not used for long, instead of refusing.',
    '把 maxmemory-policy 设为 allkeys-lru：写满后淘汰久未使用的键，而不是拒绝写入。',
  ),
  run: async ({ probes }, signal) => {
    const fields = await (await probes.redis()).info({ timeoutMs: PROBE_TIMEOUT_MS, signal });
    const policy = fields['maxmemory_policy'] ?? 'not told';
    const isBounded = Number(fields['maxmemory'] ?? 0) > 0;
    if (isBounded && policy === 'noeviction')
      return warn('noeviction with a maxmemory', '设置了 maxmemory 却使用 noeviction');
    return ok(policy, policy);
  },
};
