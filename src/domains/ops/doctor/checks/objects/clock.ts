import { judgeClock } from '../../clock-difference.ts';
import type { Check } from '../../check.ts';
import { ok } from '../../finding.ts';
import { ofObjects, PROBE_TIMEOUT_MS } from '../../of-served-store.ts';
import { text } from '../../text.ts';

export const objectsClock: Check = {
  ...ofObjects,
  id: 'objects.clock',
  title: text('Clock against the object store', '与对象存储的时钟差'),
  symptom: text('`RequestTimeTooSkewed`', '`RequestTimeTooSkewed`'),
  hint: text('Run NTP (chrony) on both machines.', '在两台机器上运行 NTP（chrony）。'),
  run: async ({ probes, clock }, signal) => {
    const objects = await probes.objects();
    const theirs = await objects.now({ timeoutMs: PROBE_TIMEOUT_MS, signal });
    return theirs === undefined
      ? ok('it does not tell the time', '服务器未提供时间')
      : judgeClock(theirs, clock.now());
  },
};
