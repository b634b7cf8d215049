import type { Log } from '../../lib/log.ts';
import type { Clock } from '../../ports/clock.ts';
import { type JobHandler, type QueueDefinition, RetryLaterError } from '../../ports/job-queue.ts';
import type { ClaimedJob, JobStore } from './job-store.ts';

// A worker that cannot write its result tries again: the alternative is to do the whole job a second time.
const SETTLE_TRIES = 5;
const SETTLE_RETRY_MS = 200;
// What a handler gets to react to its abort before its lease is given away.
const ABORT_GRACE_MS = 1_000;

export interface JobWorkerOptions {
  readonly definition: QueueDefinition;
  readonly concurrency: number;
  readonly handler: JobHandler;
  readonly store: JobStore;
  readonly clock: Clock;
  readonly log: Log;
}

interface Run {
  readonly job: ClaimedJob;
  readonly abort: AbortController;
  renewedAtMs: number;
  /** The lease is lost or given back: the outcome is nobody's business any more. */
  isForfeit: boolean;
  done: Promise<void>;
}

/** Takes jobs of one queue, a bounded number at a time, and keeps their leases while their handlers run. */
export class JobWorker {
  readonly #options: JobWorkerOptions;
  readonly #log: Log;
  readonly #runs = new Set<Run>();
  #state: 'running' | 'draining' | 'aborting' = 'running';
  #wakePending = false;
  #wakeUp: (() => void) | undefined;
  #wakeTimer: { at: number; timer: NodeJS.Timeout } | undefined;
  #renewTimer: NodeJS.Timeout | undefined;
  #renewing = false;
  #isFull = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: JobWorkerOptions) {
    this.#options = options;
    this.#log = options.log.child({ queue: options.definition.name });
  }

  start(): void {
    const intervalMs = Math.max(10, this.#options.definition.leaseMs / 3);
    this.#renewTimer = setInterval(() => void this.#renewLeases(), intervalMs);
    this.#loop = this.#takeJobs();
  }

  /** There may be a job. */
  wake(): void {
    this.#wakePending = true;
    this.#wakeUp?.();
  }

  /** There will be a job in `delayMs`. Only the earliest such time is kept. */
  wakeIn(delayMs: number): void {
    const at = this.#options.clock.monotonicMs() + delayMs;
    if (this.#state !== 'running' || (this.#wakeTimer !== undefined && this.#wakeTimer.at <= at))
      return;
    clearTimeout(this.#wakeTimer?.timer);
    const timer = setTimeout(() => {
      this.#wakeTimer = undefined;
      this.wake();
    }, delayMs + 1);
    this.#wakeTimer = { at, timer };
  }

  /** Takes no more jobs, lets the running ones end, and after `timeoutMs` aborts them and gives their leases back. */
  async stop(timeoutMs: number): Promise<void> {
    this.#state = 'draining';
    clearTimeout(this.#wakeTimer?.timer);
    this.wake();
    await this.#loop;
    await this.#waitForRuns(timeoutMs);
    this.#state = 'aborting';
    for (const run of this.#runs) run.abort.abort(new Error('the job queue is closing'));
    await this.#waitForRuns(ABORT_GRACE_MS);
    clearInterval(this.#renewTimer);
    await Promise.all([...this.#runs].map((run) => this.#giveBack(run)));
  }

  async #takeJobs(): Promise<void> {
    while (this.#state === 'running') {
      const free = this.#options.concurrency - this.#runs.size;
      this.#isFull = free === 0 || (await this.#claim(free)) === free;
      await this.#untilWoken();
    }
  }

  async #untilWoken(): Promise<void> {
    if (!this.#wakePending && this.#state === 'running') {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wakeUp = resolve;
      await promise;
      this.#wakeUp = undefined;
    }
    this.#wakePending = false;
  }

  async #claim(limit: number): Promise<number> {
    const claimedAtMs = this.#options.clock.monotonicMs();
    try {
      const jobs = await this.#options.store.claim(limit);
      for (const job of jobs) this.#begin(job, claimedAtMs);
      return jobs.length;
    } catch (error) {
      this.#log.warn({ err: error }, 'could not take jobs');
      return 0;
    }
  }

  #begin(job: ClaimedJob, renewedAtMs: number): void {
    const run: Run = {
      job,
      abort: new AbortController(),
      renewedAtMs,
      isForfeit: false,
      done: Promise.resolve(),
    };
    this.#runs.add(run);
    run.done = this.#process(run).finally(() => {
      this.#runs.delete(run);
      // A place became free while more jobs may be waiting.
      if (this.#isFull) this.wake();
    });
  }

  async #process(run: Run): Promise<void> {
    const outcome = await this.#handle(run);
    for (let attempt = 1; !run.isForfeit; attempt += 1) {
      try {
        const kept = await this.#settle(run, outcome);
        if (!kept) this.#log.warn({ jobId: run.job.id }, 'a job ended after its lease was lost');
        return;
      } catch (error) {
        this.#log.warn({ err: error, jobId: run.job.id, attempt }, 'could not store the outcome');
        if (attempt === SETTLE_TRIES) return;
        await this.#options.clock.sleep(SETTLE_RETRY_MS * 2 ** attempt);
      }
    }
  }

  async #handle({ job, abort }: Run): Promise<{ error?: unknown; failed: boolean }> {
    const { id, payload, attempt, isLastAttempt } = job;
    try {
      await this.#options.handler({ id, payload, attempt, isLastAttempt }, abort.signal);
      return { failed: false };
    } catch (error) {
      return { failed: true, error };
    }
  }

  async #settle(run: Run, { failed, error }: { failed: boolean; error?: unknown }) {
    const { store } = this.#options;
    if (!failed) return store.complete(run.job);
    const reason = error instanceof Error ? error.message : String(error);
    if (this.#state === 'aborting') return store.retryLater(run.job, 0, reason);
    if (error instanceof RetryLaterError) {
      this.wakeIn(error.delayMs);
      return store.retryLater(run.job, error.delayMs, reason);
    }
    this.#log.warn({ err: error, jobId: run.job.id, attempt: run.job.attempt }, 'a job failed');
    const { kept, retryDelayMs } = await store.fail(run.job, reason);
    if (retryDelayMs !== undefined) this.wakeIn(retryDelayMs);
    return kept;
  }

  async #renewLeases(): Promise<void> {
    if (this.#renewing || this.#runs.size === 0) return;
    this.#renewing = true;
    const runs = [...this.#runs];
    const renewedAtMs = this.#options.clock.monotonicMs();
    try {
      const jobs = runs.map((run) => run.job);
      const held = await this.#options.store.renew(jobs, this.#options.definition.leaseMs / 3);
      for (const run of runs) {
        if (held.has(run.job.id)) run.renewedAtMs = renewedAtMs;
        else if (this.#runs.has(run)) this.#forfeit(run);
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'could not renew leases');
      this.#forfeitOverdue();
    } finally {
      this.#renewing = false;
    }
  }

  /** Without the database nobody says that a lease is lost; after its time another worker may have it. */
  #forfeitOverdue(): void {
    const { clock, definition } = this.#options;
    for (const run of this.#runs) {
      if (clock.monotonicMs() - run.renewedAtMs >= definition.leaseMs) this.#forfeit(run);
    }
  }

  #forfeit(run: Run): void {
    if (run.isForfeit) return;
    run.isForfeit = true;
    this.#log.warn({ jobId: run.job.id }, 'lost the lease of a running job');
    run.abort.abort(new Error('the lease of this job was lost'));
  }

  async #giveBack(run: Run): Promise<void> {
    if (run.isForfeit) return;
    run.isForfeit = true;
    try {
      await this.#options.store.retryLater(run.job, 0, 'the worker stopped');
    } catch (error) {
      this.#log.warn({ err: error, jobId: run.job.id }, 'could not give a lease back');
    }
  }

  async #waitForRuns(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    await Promise.race([promise, Promise.all([...this.#runs].map((run) => run.done))]);
    clearTimeout(timer);
  }
}
