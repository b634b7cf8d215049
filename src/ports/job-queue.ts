import type { Transaction } from './database.ts';

/**
 * Background work, stored in SQL. A job is delivered at least once: a worker that dies loses its lease and the
 * job runs again, so handlers are idempotent. Nothing enqueued is ever dropped: after the last retry it lies in
 * the dead letter queue.
 */
export interface JobQueue {
  /** Declares queues and starts; call once before anything else. */
  start(queues: readonly QueueDefinition[]): Promise<void>;
  /**
   * Stores one job. With a `transaction` it exists exactly when that transaction commits. Returns its id, or
   * undefined when a job of this queue with the same `singletonKey` waits for its first try.
   */
  enqueue(
    queue: string,
    payload: JobPayload,
    options?: EnqueueOptions,
  ): Promise<string | undefined>;
  /** The same for many, in one statement. Singleton keys that exist already are left out silently. */
  enqueueMany(
    queue: string,
    jobs: readonly { payload: JobPayload; singletonKey?: string }[],
    options?: { transaction?: Transaction },
  ): Promise<void>;
  /**
   * Runs `handler` for jobs of `queue`, `concurrency` at a time, oldest first within a priority. A new job is
   * picked up at once when the database can notify, otherwise within 2 s. `signal` aborts when the lease is lost or the queue closes.
   * A handler that throws `RetryLaterError` runs again after its delay without counting as a failure's retry.
   */
  work(queue: string, options: { concurrency: number }, handler: JobHandler): Promise<void>;
  /** Enqueues `payload` at each minute that `cron` (five fields, UTC) names; once, however many instances run. */
  schedule(queue: string, cron: string, payload: JobPayload): Promise<void>;
  /** Jobs by state now; for metrics and tests. */
  counts(queue: string): Promise<{ waiting: number; active: number; dead: number }>;
  /** Of every declared queue; for checks and metrics. */
  backlogs(): Promise<readonly QueueBacklog[]>;
  /** Stops taking jobs, gives running handlers `timeoutMs` to end, then aborts them; their leases are given back. */
  close(options: { timeoutMs: number }): Promise<void>;
}

export interface QueueBacklog {
  readonly queue: string;
  readonly dead: number;
  /** Age of the oldest job that could run now; 0 when none waits. */
  readonly oldestWaitingMs: number;
}

export interface QueueDefinition {
  /** `[a-z][a-z0-9-]*` */
  readonly name: string;
  /** Tries after the first one. */
  readonly retryLimit: number;
  /** Base of the exponential backoff with jitter. */
  readonly retryDelayMs: number;
  /** A worker that has neither ended nor renewed for this long is taken for dead. */
  readonly leaseMs: number;
}

export type JobPayload = { readonly [key: string]: unknown };

export interface EnqueueOptions {
  readonly transaction?: Transaction;
  readonly startAfterMs?: number;
  /** Whole number; a higher one runs first. Default 0. */
  readonly priority?: number;
  /** At most one job of the queue that was not tried yet has this key; one that waits for a retry may be beside it. */
  readonly singletonKey?: string;
}

export interface Job {
  readonly id: string;
  readonly payload: JobPayload;
  /** 0 for the first try. */
  readonly attempt: number;
  /** True when no retry follows a failure. */
  readonly isLastAttempt: boolean;
}

export type JobHandler = (job: Job, signal: AbortSignal) => Promise<void>;

/** Ask for the same job again after `delayMs`, for example when an upstream said Retry-After. */
export class RetryLaterError extends Error {
  readonly delayMs: number;
  constructor(message: string, delayMs: number) {
    super(message);
    this.name = 'RetryLaterError';
    this.delayMs = delayMs;
  }
}
