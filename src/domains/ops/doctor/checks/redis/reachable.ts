import type { Check } from '../../check.ts';
import { ofRedis, reached } from '../../of-served-store.ts';
import { text } from '../../text.ts';

export const redisReachable: Check = {
  ...ofRedis,
  id: 'redis.reachable',
  title: text('Redis', 'Redis'),
  symptom: text(
    '"Redis at … cannot be used"; limits count for each instance alone',
    '提示 “Redis at … cannot be used”；限额按单个实例计数',
  ),
  hint: text('Start Redis or correct REDIS_URL.', '启动 Redis 或改正 REDIS_URL。'),
  needs: ['host.store-names'],
  run: ({ probes }) =>
    reached(
      () => probes.redis(),
      text('Correct the password in REDIS_URL.', '改正 REDIS_URL 中的密码。'),
    ),
};
