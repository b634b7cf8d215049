import { type ConstructorOptions, PgBoss, type Queue } from 'pg-boss';
import type { Log } from '../../lib/log.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Database, Transaction } from '../../ports/database.ts';
import type {
  EnqueueOptions,
  JobHandler,
  JobPayload,
  JobQueue,
  QueueBacklog,
  QueueDefinition,
} from '../../ports/job-queue.ts';
import { deadLetterQueueOf } from './dead-letter-queue.ts';
import { PgBossJobStore } from './job-store.ts';
import { JobTable } from './job-table.ts';
import { JobWorker } from './job-worker.ts';
import { pgBossDatabase, pgBossExecutor } from './pg-boss-database.ts';
import { jobQueueSchemaStep, PG_BOSS_SCHEMA } from './pg-boss-schema.ts';
import { QueuePulse } from './queue-pulse.ts';

const QUEUE_NAME = /^[a-z][a-z0-9-]*$/;
const CRON_FIELDS = 5;
const DAY_SECONDS = 24 * 3600;
// pg-boss deletes what waits longer; nothing that was enqueued may be dropped.
const FOR_EVER_SECONDS = 50 * 365 * DAY_SECONDS;
// The most that pg-boss allows a try to take. Leases find dead workers long before.
const RUN_MAX_SECONDS = DAY_SECONDS;

export interface PgBossJobQueueOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  /** Bring the tables up at start. Only where this process has the database for itself. */
  readonly migrate: boolean;
}

export function createPgBossJobQueue(options: PgBossJobQueueOptions): PgBossJobQueue {
  return new PgBossJobQueue(options);
}

/**
 * Jobs in the tables of pg-boss, over our own database port: in both shapes a job commits with the rows it is about.
 * pg-boss stores, claims, dead-letters, schedules and cleans up; taking jobs and keeping leases is ours (`JobWorker`),
 * since its workers poll per place and know no lease below ten seconds.
 */
export class PgBossJobQueue implements JobQueue {
  readonly #options: PgBossJobQueueOptions;
  readonly #log: Log;
  readonly #boss: PgBoss;
  readonly #table: JobTable;
  readonly #definitions = new Map<string, QueueDefinition>();
  readonly #workers = new Map<string, JobWorker[]>();
  readonly #pulse: QueuePulse;

  constructor(options: PgBossJobQueueOptions) {
    this.#options = options;
    this.#log = options.log.child({ component: 'job-queue' });
    this.#table = new JobTable(options.database);
    this.#boss = this.#createBoss(options.database);
    this.#pulse = new QueuePulse({
      table: this.#table,
      log: this.#log,
      wake: (queue) => this.#wake(queue),
      bury: async ({ queue, id, attempt }) => {
        const job = { id, retryCount: attempt };
        await this.#boss.fail(queue, job, { message: 'the lease of the last try expired' });
      },
    });
  }

  async start(queues: readonly QueueDefinition[]): Promise<void> {
    queues.forEach(assertQueueName);
    await this.#requireSchema();
    await this.#boss.start();
    const names = queues.flatMap(({ name }) => [name, deadLetterQueueOf(name)]);
    const existing = await this.#boss.getQueues(names);
    const known = new Map(existing.map((queue) => [queue.name, queue]));
    for (const definition of queues) await this.#declare(definition, known);
    this.#pulse.start(queues.map(({ name, leaseMs }) => ({ queue: name, leaseMs })));
  }

  async enqueue(
    queue: string,
    payload: JobPayload,
    options: EnqueueOptions = {},
  ): Promise<string | undefined> {
    this.#requireDeclared(queue);
    const { startAfterMs = 0, priority = 0, transaction } = options;
    const id = await this.#boss.send(queue, payload, {
      priority,
      singletonKey: this.#singletonKey(options.singletonKey),
      startAfter: startAfterMs > 0 ? startAfterMs / 1000 : undefined,
      ...connection(transaction),
    });
    if (startAfterMs > 0) this.#wake(queue, startAfterMs);
    return id ?? undefined;
  }

  async enqueueMany(
    queue: string,
    jobs: readonly { payload: JobPayload; singletonKey?: string }[],
    options: { transaction?: Transaction } = {},
  ): Promise<void> {
    this.#requireDeclared(queue);
    if (jobs.length === 0) return;
    const inserts = jobs.map(({ payload, singletonKey }) => ({
      data: payload,
      singletonKey: this.#singletonKey(singletonKey),
    }));
    await this.#boss.insert(queue, inserts, connection(options.transaction));
  }

  async work(queue: string, options: { concurrency: number }, handler: JobHandler): Promise<void> {
    const definition = this.#requireDeclared(queue);
    const worker = new JobWorker({
      definition,
      concurrency: options.concurrency,
      handler,
      store: new PgBossJobStore(definition, this.#boss, this.#table),
      clock: this.#options.clock,
      log: this.#log,
    });
    this.#workers.set(queue, [...(this.#workers.get(queue) ?? []), worker]);
    worker.start();
  }

  /** One schedule a queue: another one replaces it. A minute is skipped while its predecessor still waits. */
  async schedule(queue: string, cron: string, payload: JobPayload): Promise<void> {
    this.#requireDeclared(queue);
    if (cron.trim().split(/\s+/).length !== CRON_FIELDS) {
      throw new RangeError(`a schedule has five fields, not ${JSON.stringify(cron)}`);
    }
    await this.#boss.schedule(queue, cron, payload, { tz: 'UTC' });
  }

  async counts(queue: string): Promise<{ waiting: number; active: number; dead: number }> {
    this.#requireDeclared(queue);
    return this.#table.counts(queue, deadLetterQueueOf(queue));
  }

  backlogs(): Promise<readonly QueueBacklog[]> {
    return this.#table.backlogs([...this.#definitions.keys()]);
  }

  async close({ timeoutMs }: { timeoutMs: number }): Promise<void> {
    const workers = [...this.#workers.values()].flat();
    await Promise.all(workers.map((worker) => worker.stop(timeoutMs)));
    await this.#pulse.stop();
    await this.#boss.stop({ graceful: false, close: false });
  }

  #createBoss(database: Database): PgBoss {
    const isShared = database.capabilities.concurrentSessions;
    const options: ConstructorOptions = {
      db: pgBossDatabase(database, {
        onJob: (queue) => this.#wake(queue),
        onReconnect: () => this.#wakeAll(),
      }),
      schema: PG_BOSS_SCHEMA,
      backend: isShared ? 'postgres' : 'pglite',
      useListenNotify: true,
      // Never by itself: `jobQueueSchemaStep` does it, and only when it is asked to.
      migrate: false,
      registerInstance: false,
      openTelemetry: { enabled: false },
      // A minute's job should start within it; pg-boss looks every 30 s by default.
      cronMonitorIntervalSeconds: 10,
      // The embedded engine has no autovacuum to watch, and its adapter maintains indexes itself.
      monitorVacuum: isShared,
      reindex: isShared,
    };
    const boss = new PgBoss(options);
    // Without a listener an 'error' event ends the process.
    boss.on('error', (error) => this.#log.error({ err: error }, 'the job queue had an error'));
    boss.on('warning', (warning) => this.#log.warn({ warning }, 'the job queue warns'));
    return boss;
  }

  async #requireSchema(): Promise<void> {
    const { database, migrate } = this.#options;
    if (migrate) await jobQueueSchemaStep.apply(database);
    else if (!(await jobQueueSchemaStep.isCurrent(database))) {
      throw new Error(
        "the job queue's tables are missing or of another version: run `llamp migrate` first",
      );
    }
  }

  async #declare(definition: QueueDefinition, known: ReadonlyMap<string, Queue>): Promise<void> {
    const { name, retryLimit } = definition;
    const deadLetter = deadLetterQueueOf(name);
    if (!known.has(deadLetter)) {
      await this.#boss.createQueue(deadLetter, { retentionSeconds: FOR_EVER_SECONDS });
    }
    const present = known.get(name);
    if (present === undefined) {
      await this.#boss.createQueue(name, { ...queueSettings(definition), policy: 'short' });
    } else if (present.retryLimit !== retryLimit) {
      await this.#boss.updateQueue(name, queueSettings(definition));
    }
    this.#definitions.set(name, definition);
  }

  #requireDeclared(queue: string): QueueDefinition {
    const definition = this.#definitions.get(queue);
    if (definition === undefined) throw new Error(`the queue ${queue} was not declared at start`);
    return definition;
  }

  // The policy lets one job with a key wait; jobs without a key would share the empty one.
  #singletonKey(key: string | undefined): string {
    return key === undefined ? this.#options.clock.newId('~') : key;
  }

  #wake(queue: string, delayMs = 0): void {
    for (const worker of this.#workers.get(queue) ?? []) {
      if (delayMs > 0) worker.wakeIn(delayMs);
      else worker.wake();
    }
  }

  #wakeAll(): void {
    for (const queue of this.#workers.keys()) this.#wake(queue);
  }
}

function assertQueueName({ name }: QueueDefinition): void {
  if (!QUEUE_NAME.test(name)) throw new RangeError(`not a queue name: ${JSON.stringify(name)}`);
}

function queueSettings(definition: QueueDefinition): Omit<Queue, 'name'> {
  return {
    retryLimit: definition.retryLimit,
    deadLetter: deadLetterQueueOf(definition.name),
    retentionSeconds: FOR_EVER_SECONDS,
    // Completed jobs are of no use but to look at.
    deleteAfterSeconds: DAY_SECONDS,
    expireInSeconds: RUN_MAX_SECONDS,
    notify: true,
  };
}

function connection(transaction: Transaction | undefined) {
  return transaction === undefined ? {} : { db: pgBossExecutor(transaction) };
}
