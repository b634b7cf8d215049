import type { Log } from '../../lib/log.ts';
import type { JobAttempt, JobTable, QueueLease } from './job-table.ts';

// Notifications wake workers at once. The pulse finds what is due by time, and what a lost notification missed.
const PULSE_MS = 1_000;
const SWEEP_MIN_MS = 250;
const SWEEP_MAX_MS = 5_000;

export interface QueuePulseOptions {
  readonly table: JobTable;
  readonly log: Log;
  wake(queue: string): void;
  /** Sends a job whose last worker died to the dead letter queue. */
  bury(job: JobAttempt & { queue: string }): Promise<void>;
}

/** Two slow beats for all queues together: jobs that are due, and leases that expired. */
export class QueuePulse {
  readonly #options: QueuePulseOptions;
  readonly #stopping = new AbortController();
  #beats: Promise<void>[] = [];

  constructor(options: QueuePulseOptions) {
    this.#options = options;
  }

  start(leases: readonly QueueLease[]): void {
    if (leases.length === 0) return;
    const queues = leases.map((lease) => lease.queue);
    const shortestMs = Math.min(...leases.map((lease) => lease.leaseMs));
    const sweepMs = Math.min(Math.max(shortestMs / 3, SWEEP_MIN_MS), SWEEP_MAX_MS);
    this.#beats = [
      this.#beat(PULSE_MS, () => this.#wakeDue(queues)),
      this.#beat(sweepMs, () => this.#sweepExpired(leases)),
    ];
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#beats);
  }

  async #beat(intervalMs: number, work: () => Promise<void>): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        await work();
      } catch (error) {
        this.#options.log.warn({ err: error }, 'could not look after the job queues');
      }
      await this.#pause(intervalMs);
    }
  }

  async #pause(intervalMs: number): Promise<void> {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, intervalMs);
    const stop = () => resolve();
    signal.addEventListener('abort', stop, { once: true });
    await promise;
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }

  async #wakeDue(queues: readonly string[]): Promise<void> {
    for (const queue of await this.#options.table.queuesWithDueJobs(queues)) {
      this.#options.wake(queue);
    }
  }

  async #sweepExpired(leases: readonly QueueLease[]): Promise<void> {
    for (const job of await this.#options.table.findExpiredForGood(leases)) {
      await this.#options.bury(job);
    }
    for (const queue of await this.#options.table.retryExpired(leases)) this.#options.wake(queue);
  }
}
