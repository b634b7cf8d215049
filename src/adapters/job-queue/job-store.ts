import type { PgBoss } from 'pg-boss';
import type { JobPayload, QueueDefinition } from '../../ports/job-queue.ts';
import type { JobAttempt, JobTable } from './job-table.ts';

const BACKOFF_MAX_MS = 3_600_000;
const REASON_LENGTH_MAX = 2_000;

export interface ClaimedJob extends JobAttempt {
  readonly payload: JobPayload;
  readonly isLastAttempt: boolean;
}

/** What a worker does with the jobs of its queue. */
export interface JobStore {
  claim(limit: number): Promise<ClaimedJob[]>;
  renew(jobs: readonly JobAttempt[], timeoutMs: number): Promise<ReadonlySet<string>>;
  /** These three answer false when the lease was lost before: the job is another worker's now. */
  complete(job: ClaimedJob): Promise<boolean>;
  retryLater(job: ClaimedJob, delayMs: number, reason: string): Promise<boolean>;
  /** Another try after a backoff, or the dead letter queue after the last one. Tells the delay, if there is one. */
  fail(job: ClaimedJob, reason: string): Promise<{ kept: boolean; retryDelayMs?: number }>;
}

/** Claims and settles through pg-boss, and through its table where pg-boss has no way. */
export class PgBossJobStore implements JobStore {
  readonly #definition: QueueDefinition;
  readonly #boss: PgBoss;
  readonly #table: JobTable;

  constructor(definition: QueueDefinition, boss: PgBoss, table: JobTable) {
    this.#definition = definition;
    this.#boss = boss;
    this.#table = table;
  }

  async claim(limit: number): Promise<ClaimedJob[]> {
    const jobs = await this.#boss.fetch<JobPayload>(this.#definition.name, {
      batchSize: limit,
      includeMetadata: true,
    });
    return jobs.map((job) => ({
      id: job.id,
      payload: job.data,
      attempt: job.retryCount,
      isLastAttempt: job.retryCount >= job.retryLimit,
    }));
  }

  renew(jobs: readonly JobAttempt[], timeoutMs: number): Promise<ReadonlySet<string>> {
    return this.#table.renew(this.#definition.name, jobs, timeoutMs);
  }

  async complete(job: ClaimedJob): Promise<boolean> {
    return wasKept(await this.#boss.complete(this.#definition.name, fenced(job)));
  }

  retryLater(job: ClaimedJob, delayMs: number, reason: string): Promise<boolean> {
    return this.#table.reschedule(this.#definition.name, job, {
      delayMs,
      countsAsFailure: false,
      reason: reason.slice(0, REASON_LENGTH_MAX),
    });
  }

  async fail(job: ClaimedJob, reason: string): Promise<{ kept: boolean; retryDelayMs?: number }> {
    const message = reason.slice(0, REASON_LENGTH_MAX);
    if (job.isLastAttempt) {
      const failed = await this.#boss.fail(this.#definition.name, fenced(job), { message });
      return { kept: wasKept(failed) };
    }
    // Not pg-boss' own retry: it counts delays in whole seconds.
    const retryDelayMs = backoffMs(this.#definition.retryDelayMs, job.attempt);
    const kept = await this.#table.reschedule(this.#definition.name, job, {
      delayMs: retryDelayMs,
      countsAsFailure: true,
      reason: message,
    });
    return { kept, retryDelayMs };
  }
}

function fenced(job: JobAttempt): { id: string; retryCount: number } {
  return { id: job.id, retryCount: job.attempt };
}

// pg-boss answers with a count that its types leave out.
function wasKept(response: object): boolean {
  return 'affected' in response && response.affected === 1;
}

/** Doubles with every try; jitter keeps jobs that failed together from coming back together. */
function backoffMs(baseMs: number, attempt: number): number {
  const fullMs = Math.min(baseMs * 2 ** Math.min(attempt, 30), BACKOFF_MAX_MS);
  return fullMs * (0.5 + Math.random() / 2);
}
