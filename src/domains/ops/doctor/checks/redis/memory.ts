import type { Check } from '../../check.ts';
import { fail, ok, warn } from '../../finding.ts';
import { ofRedis, PROBE_TIMEOUT_MS } from '../../of-served-store.ts';
import { sizeText } from '../../size-text.ts';
import { text } from '../../text.ts';

const WARN_RATIO = 0.9;

export const redisMemory: Check = {
  ...ofRedis,
  id: 'redis.memory',
  title: text('Memory of Redis', 'Redis 内存'),
  symptom: text('Limits and caches forget too soon', '限额与缓存过早丢失'),
  hint: text('Raise maxmemory; 256 MB are enough for most.', '调高 maxmemory；通常 256 MB 足够。'),
  run: async ({ probes }, signal) => {
    const fields = await (await probes.redis()).info({ timeoutMs: PROBE_TIMEOUT_MS, signal });
    const used = Number(fields['used_memory'] ?? 0);
    const limit = Number(fields['maxmemory'] ?? 0);
    if (limit === 0) return ok(`${sizeText(used)}, no limit`, `${sizeText(used)}，无上限`);
    const [en, zh] = [
      `${sizeText(used)} of ${sizeText(limit)}`,
      `${sizeText(used)}/${sizeText(limit)}`,
    ];
    // With nothing to evict even the server's own structures do not fit.
    if (used > limit && fields['maxmemory_policy'] === 'noeviction') return fail(en, zh);
    return used > limit * WARN_RATIO ? warn(en, zh) : ok(en, zh);
  },
};
