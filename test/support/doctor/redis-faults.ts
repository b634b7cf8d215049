import { systemClock } from '../../../src/adapters/clock/system.ts';
import type { Fault } from './fault.ts';

const HEALTHY = {
  redis_version: '7.2.4',
  role: 'master',
  loading: '0',
  rdb_last_bgsave_status: 'ok',
  aof_last_write_status: 'ok',
  used_memory: '1000000',
  maxmemory: '268435456',
  maxmemory_policy: 'allkeys-lru',
};

// A server that is so wrong is hard to have: what it says is seeded, and the probe itself is tried on a real one.
const saying = (fields: Readonly<Record<string, string>>, url = 'redis://127.0.0.1:6379') => ({
  env: { REDIS_URL: url },
  probes: {
    redis: async () => ({
      info: async () => ({ ...HEALTHY, ...fields }),
      setting: async () => 'yes',
      now: async () => systemClock.now(),
      close: async () => undefined,
    }),
  },
});

/** Faults of Redis as it describes itself. */
export const REDIS_FAULTS: readonly Fault[] = [
  {
    name: 'an old Redis',
    check: 'redis.version',
    status: 'fail',
    seed: () => saying({ redis_version: '3.0.6' }),
  },
  {
    name: 'a Redis whose snapshots fail',
    check: 'redis.writable',
    status: 'fail',
    seed: () => saying({ rdb_last_bgsave_status: 'err' }),
  },
  {
    name: 'a Redis that still loads',
    check: 'redis.writable',
    status: 'fail',
    seed: () => saying({ loading: '1' }),
  },
  {
    name: 'a Redis without a password in the network',
    check: 'redis.protection',
    status: 'warn',
    seed: () => saying({}, 'redis://192.0.2.7:6379'),
  },
];
