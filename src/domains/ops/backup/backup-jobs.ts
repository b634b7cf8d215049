import type { Log } from '../../../lib/log.ts';
import type { Job, JobQueue, QueueDefinition } from '../../../ports/job-queue.ts';
import type { BackupService } from './backup-service.ts';
import type { KeepRule } from './prune-backups.ts';

export const BACKUP_QUEUE = 'backup';

// The lease outlasts what the embedded database needs to read its tables, when nothing else gets a turn.
export const BACKUP_QUEUES: readonly QueueDefinition[] = [
  { name: BACKUP_QUEUE, retryLimit: 2, retryDelayMs: 300_000, leaseMs: 600_000 },
];

export interface BackupPlan {
  readonly targets: readonly string[];
  /** Undefined: the server makes no backups. */
  readonly recipient: string | undefined;
  readonly schedule: string | undefined;
  readonly keep: KeepRule;
}

export interface BackupJobsOptions {
  readonly plan: BackupPlan;
  readonly jobs: JobQueue;
  readonly log: Log;
  /** Opened when the first backup is made: it would cost a start something. */
  openService(): Promise<BackupService>;
}

const SCHEDULED = { asked_by: 'schedule' } as const;

/** Takes backup jobs, one at a time of all instances, and has them enqueued by the schedule. */
export async function startBackupJobs(options: BackupJobsOptions): Promise<void> {
  const { jobs, plan } = options;
  await jobs.work(BACKUP_QUEUE, { concurrency: 1 }, (job, signal) => runJob(options, job, signal));
  if (plan.schedule !== undefined) await jobs.schedule(BACKUP_QUEUE, plan.schedule, SCHEDULED);
}

async function runJob(options: BackupJobsOptions, job: Job, signal: AbortSignal): Promise<void> {
  const { plan, log, openService } = options;
  const { recipient } = plan;
  // A schedule that is no longer set may have left its jobs.
  if (job.payload['asked_by'] === SCHEDULED.asked_by && plan.schedule === undefined) return;
  if (recipient === undefined)
    return log.error({}, 'no backup is made: LLAMP_BACKUP_RECIPIENT is not set');
  const service = await openService();
  const failures: unknown[] = [];
  for (const target of targetsOf(plan, job)) {
    try {
      const { id, size_bytes, added_bytes } = await service.create(target, { recipient, signal });
      log.info({ backup: { id, target, size_bytes, added_bytes } }, 'a backup was made');
      await service.prune(target, plan.keep, signal);
    } catch (error) {
      signal.throwIfAborted();
      log.error({ error, target }, 'no backup was made');
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'not every target has a backup');
}

function targetsOf({ targets }: BackupPlan, { payload }: Job): readonly string[] {
  const wanted = payload['target'];
  return targets.filter((target) => wanted === undefined || wanted === target);
}
