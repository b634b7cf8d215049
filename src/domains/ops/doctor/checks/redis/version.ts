import type { Check } from '../../check.ts';
import { fail, ok } from '../../finding.ts';
import { ofRedis, PROBE_TIMEOUT_MS } from '../../of-served-store.ts';
import { text } from '../../text.ts';

const MAJOR_MIN = 6;

export const redisVersion: Check = {
  ...ofRedis,
  id: 'redis.version',
  title: text('Version of Redis', 'Redis 版本'),
  symptom: text('`ERR unknown command`', '`ERR unknown command`'),
  hint: text('Use Redis 6 or newer, or Valkey.', '使用 Redis 6 或更高版本，或 Valkey。'),
  run: async ({ probes }, signal) => {
    const fields = await (await probes.redis()).info({ timeoutMs: PROBE_TIMEOUT_MS, signal });
    const version = fields['redis_version'] ?? '';
    return Number(version.split('.')[0]) >= MAJOR_MIN
      ? ok(version, version)
      : fail(version, version);
  },
};
