import { judgeClock } from '../../clock-difference.ts';
import type { Check } from '../../check.ts';
import { ofRedis, PROBE_TIMEOUT_MS } from '../../of-served-store.ts';
import { text } from '../../text.ts';

export const redisClock: Check = {
  ...ofRedis,
  id: 'redis.clock',
  title: text('Clock against Redis', '与 Redis 的时钟差'),
  symptom: text('Rate limits open too early or too late', '速率限制过早或过晚恢复'),
  hint: text('Run NTP (chrony) on both machines.', '在两台机器上运行 NTP（chrony）。'),
  run: async ({ probes, clock }, signal) => {
    const redis = await probes.redis();
    return judgeClock(await redis.now({ timeoutMs: PROBE_TIMEOUT_MS, signal }), clock.now());
  },
};
