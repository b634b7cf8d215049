import { performance } from 'node:perf_hooks';
import { type BackupRun, lastSuccesses } from './domains/ops/backup/index.ts';
import { collectTogether } from './lib/collect-together.ts';
import type { Metrics } from './lib/metrics.ts';
import type { Database } from './ports/database.ts';

const MAX_AGE_MS = 5_000;
const monotonicMs = () => performance.now();

/** What backups were made, out of the database: every instance tells the same. */
export function observeBackups(
  database: Database,
  targets: readonly string[],
  { backupLastSuccess, backupLastDuration, backupSize, drillLastSuccess }: Metrics,
): void {
  const observe = ({ kind, target, ended_at, duration_ms, size_bytes }: BackupRun) => {
    const endedSeconds = (ended_at?.getTime() ?? 0) / 1000;
    if (kind === 'drill') return drillLastSuccess.set({ target }, endedSeconds);
    backupLastSuccess.set({ target }, endedSeconds);
    backupLastDuration.set({ target }, (duration_ms ?? 0) / 1000);
    backupSize.set({ target }, size_bytes ?? 0);
  };
  const read = async () => {
    const runs = await lastSuccesses(database);
    // A target that never had one is what an alert has to see.
    for (const target of targets) {
      backupLastSuccess.set({ target }, 0);
      drillLastSuccess.set({ target }, 0);
    }
    for (const run of runs) observe(run);
  };
  const gauges = [backupLastSuccess, backupLastDuration, backupSize, drillLastSuccess];
  collectTogether(gauges, read, { maxAgeMs: MAX_AGE_MS, monotonicMs });
}
