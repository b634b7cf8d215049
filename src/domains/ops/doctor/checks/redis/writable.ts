import type { Check } from '../../check.ts';
import { fail, ok } from '../../finding.ts';
import { ofRedis, PROBE_TIMEOUT_MS } from '../../of-served-store.ts';
import { text } from '../../text.ts';

export const redisWritable: Check = {
  ...ofRedis,
  id: 'redis.writable',
  title: text('Whether Redis takes writes', 'Redis 是否可写'),
  symptom: text(
    '`READONLY`, `MISCONF` or `LOADING` in the log',
    '日志中出现 `READONLY`、`MISCONF` 或 `LOADING`',
  ),
  hint: text(
    'Point REDIS_URL to the primary; free its disk, or switch snapshots off: nothing in it has to be kept.',
    '让 REDIS_URL 指向主节点；释放其磁盘，或关闭快照：其中没有必须保留的数据。',
  ),
  run: async ({ probes }, signal) => {
    const options = { timeoutMs: PROBE_TIMEOUT_MS, signal };
    const redis = await probes.redis();
    const fields = await redis.info(options);
    if (fields['role'] === 'slave') return fail('it is a replica', '这是只读副本');
    if (fields['loading'] === '1') return fail('it is still loading', '仍在加载数据');
    const savesFail = fields['rdb_last_bgsave_status'] === 'err';
    const refuses = (await redis.setting('stop-writes-on-bgsave-error', options)) === 'yes';
    if (savesFail && refuses) return fail('its snapshots fail', '快照写入失败');
    if (fields['aof_last_write_status'] === 'err')
      return fail('its log cannot be written', 'AOF 写入失败');
    return ok('yes', '可写');
  },
};
