import type { Check } from '../../check.ts';
import { ok, warn } from '../../finding.ts';
import { ofRedis } from '../../of-served-store.ts';
import { isLoopback } from '../../loopback.ts';
import { text } from '../../text.ts';

export const redisProtection: Check = {
  ...ofRedis,
  id: 'redis.protection',
  title: text('Password of Redis', 'Redis 密码'),
  symptom: text('Anybody in the network can read and write Redis', '网络中任何人都可读写 Redis'),
  hint: text(
    'Set requirepass and put the password into REDIS_URL; use rediss:// across networks.',
    '设置 requirepass 并写入 REDIS_URL；跨网络时使用 rediss://。',
  ),
  run: async ({ configuration }) => {
    const { password, hostname } = new URL(
      configuration.settings.redis?.url ?? 'redis://localhost',
    );
    if (password !== '') return ok('set', '已设置');
    return isLoopback(hostname)
      ? ok('none, on this machine only', '无，仅限本机')
      : warn('none', '无');
  },
};
