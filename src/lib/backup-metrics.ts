import { Gauge, type Registry } from 'prom-client';

/** Part of the metrics: what backups there are. A target is one of the few that are configured. */
export function backupMetrics(registers: Registry[]) {
  const gauge = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ['target'], registers });
  return {
    backupLastSuccess: gauge(
      'llamp_backup_last_success_timestamp_seconds',
      'When the last backup that succeeded ended, by target; 0 when there was none',
    ),
    backupLastDuration: gauge(
      'llamp_backup_last_duration_seconds',
      'How long that backup took, by target',
    ),
    backupSize: gauge(
      'llamp_backup_size_bytes',
      'What that backup holds in its target, compressed',
    ),
    drillLastSuccess: gauge(
      'llamp_restore_drill_last_success_timestamp_seconds',
      'When a backup of the target was last restored elsewhere and found to work; 0 for never',
    ),
  };
}
