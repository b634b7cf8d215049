import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { getRollbackPlans } from 'pg-boss';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { createPgBossJobQueue } from '../../src/adapters/job-queue/pg-boss.ts';
import { jobQueueSchemaStep } from '../../src/adapters/job-queue/pg-boss-schema.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Database } from '../../src/ports/database.ts';
import {
  type Job,
  type JobQueue,
  type QueueDefinition,
  RetryLaterError,
} from '../../src/ports/job-queue.ts';
import { SeverableDatabase } from './job-queue-severable-database.ts';

const SOON = { timeout: 20_000, interval: 20 };

/** What the queue does on any database. `open` gives one without the queue's tables. */
export function describeJobQueue(
  open: () => Promise<{ database: Database; close(): Promise<void> }>,
): void {
  let subject: { database: Database; close(): Promise<void> };
  const opened: JobQueue[] = [];
  beforeAll(async () => {
    subject = await open();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((queue) => queue.close({ timeoutMs: 100 })));
  });
  afterAll(() => subject?.close());

  const define = (overrides: Partial<QueueDefinition> = {}): QueueDefinition => ({
    name: `q-${randomUUID()}`,
    retryLimit: 2,
    retryDelayMs: 10,
    leaseMs: 5_000,
    ...overrides,
  });
  /** One instance of the application. */
  const start = async (definition: QueueDefinition, database = subject.database) => {
    const options = { database, clock: systemClock, log: silentLog, migrate: true };
    const queue = createPgBossJobQueue(options);
    opened.push(queue);
    await queue.start([definition]);
    return queue;
  };

  describe('tables', () => {
    it('are asked for when they are missing and may not be made', async () => {
      expect(await jobQueueSchemaStep.isCurrent(subject.database)).toBe(false);
      await expectRefusedStart();
    });

    it('are made once by many that migrate at once', async () => {
      const { database } = subject;
      await Promise.all(Array.from({ length: 4 }, () => jobQueueSchemaStep.apply(database)));
      expect(await jobQueueSchemaStep.isCurrent(database)).toBe(true);
    });

    it('are brought up from an older version', async () => {
      const { database } = subject;
      await database.executeScript(getRollbackPlans('pgboss'));
      expect(await jobQueueSchemaStep.isCurrent(database)).toBe(false);
      await expectRefusedStart();
      await jobQueueSchemaStep.apply(database);
      expect(await jobQueueSchemaStep.isCurrent(database)).toBe(true);
    });

    async function expectRefusedStart(): Promise<void> {
      const options = { database: subject.database, clock: systemClock, log: silentLog };
      const queue = createPgBossJobQueue({ ...options, migrate: false });
      await expect(queue.start([define()])).rejects.toThrow('run `llamp migrate` first');
    }
  });

  describe('enqueue and work', () => {
    it('runs a job with its payload', async () => {
      const definition = define();
      const queue = await start(definition);
      const jobs: Job[] = [];
      await queue.work(definition.name, { concurrency: 1 }, async (job) => {
        jobs.push(job);
      });
      const payload = { text: "it's ünïcode 你好", deep: { list: [1, null, true] } };
      const id = await queue.enqueue(definition.name, payload);
      await vi.waitFor(() => expect(jobs).toHaveLength(1), SOON);
      expect(jobs[0]).toEqual({ id, payload, attempt: 0, isLastAttempt: false });
      await vi.waitFor(async () => {
        expect(await queue.counts(definition.name)).toEqual({ waiting: 0, active: 0, dead: 0 });
      }, SOON);
    });

    it('picks a new job up at once, not at the next poll', async () => {
      const definition = define();
      const queue = await start(definition);
      const waits: number[] = [];
      await queue.work(definition.name, { concurrency: 1 }, async (job) => {
        waits.push(performance.now() - Number(job.payload['sentAt']));
      });
      for (let n = 1; n <= 5; n += 1) {
        await queue.enqueue(definition.name, { sentAt: performance.now() });
        await vi.waitFor(() => expect(waits).toHaveLength(n), SOON);
      }
      expect(Math.min(...waits)).toBeLessThan(250);
    });

    it('takes higher priorities first, and the oldest within one', async () => {
      const definition = define();
      const queue = await start(definition);
      for (const [label, priority] of [
        ['a', 0],
        ['b', 5],
        ['c', 0],
        ['d', 5],
      ] as const) {
        await queue.enqueue(definition.name, { label }, { priority });
      }
      const order: unknown[] = [];
      await queue.work(definition.name, { concurrency: 1 }, async (job) => {
        order.push(job.payload['label']);
      });
      await vi.waitFor(() => expect(order).toEqual(['b', 'd', 'a', 'c']), SOON);
    });

    it('waits as long as it is told to', async () => {
      const definition = define();
      const queue = await start(definition);
      const { promise: ran, resolve } = Promise.withResolvers<number>();
      await queue.work(definition.name, { concurrency: 1 }, async () => resolve(performance.now()));
      const sentAt = performance.now();
      await queue.enqueue(definition.name, {}, { startAfterMs: 400 });
      expect((await ran) - sentAt).toBeGreaterThanOrEqual(390);
    });

    it('shares many jobs between instances, each once, never more than it may at once', async () => {
      const definition = define();
      const instances = [await start(definition), await start(definition)];
      const seen: unknown[] = [];
      let most = 0;
      for (const instance of instances) {
        let running = 0;
        await instance.work(definition.name, { concurrency: 3 }, async (job) => {
          running += 1;
          most = Math.max(most, running);
          await systemClock.sleep(5);
          seen.push(job.payload['n']);
          running -= 1;
        });
      }
      const jobs = Array.from({ length: 60 }, (_, n) => ({ payload: { n } }));
      await instances[0]?.enqueueMany(definition.name, jobs);
      await vi.waitFor(() => expect(seen.length).toBeGreaterThanOrEqual(60), SOON);
      expect(new Set(seen).size).toBe(60);
      expect(seen).toHaveLength(60);
      expect(most).toBeLessThanOrEqual(3);
    });

    it('refuses a queue that was not declared', async () => {
      const queue = await start(define());
      await expect(queue.enqueue('unknown', {})).rejects.toThrow('was not declared');
      await expect(start(define({ name: 'Not a name' }))).rejects.toThrow(RangeError);
    });
  });

  describe('transactions', () => {
    it('has the job exactly when the transaction commits', async () => {
      const definition = define();
      const queue = await start(definition);
      const { database } = subject;
      const rolledBack = database.transaction(async (transaction) => {
        await queue.enqueue(definition.name, {}, { transaction });
        await queue.enqueueMany(definition.name, [{ payload: {} }], { transaction });
        throw new Error('changed my mind');
      });
      await expect(rolledBack).rejects.toThrow('changed my mind');
      expect((await queue.counts(definition.name)).waiting).toBe(0);
      await database.transaction(async (transaction) => {
        await queue.enqueue(definition.name, {}, { transaction });
        await queue.enqueueMany(definition.name, [{ payload: {} }], { transaction });
      });
      expect((await queue.counts(definition.name)).waiting).toBe(2);
    });

    it('runs it only after the commit', async () => {
      const definition = define();
      const queue = await start(definition);
      const events: string[] = [];
      await queue.work(definition.name, { concurrency: 1 }, async () => {
        events.push('ran');
      });
      await subject.database.transaction(async (transaction) => {
        await queue.enqueue(definition.name, {}, { transaction });
        await systemClock.sleep(100);
        events.push('committing');
      });
      await vi.waitFor(() => expect(events).toEqual(['committing', 'ran']), SOON);
    });
  });

  describe('singleton keys', () => {
    it('lets one job with a key wait, and any number without', async () => {
      const definition = define();
      const queue = await start(definition);
      const { name } = definition;
      expect(await queue.enqueue(name, {}, { singletonKey: 'a' })).toEqual(expect.any(String));
      expect(await queue.enqueue(name, {}, { singletonKey: 'a' })).toBeUndefined();
      expect(await queue.enqueue(name, {}, { singletonKey: 'b' })).toEqual(expect.any(String));
      await queue.enqueueMany(name, [
        { payload: {}, singletonKey: 'a' },
        { payload: {}, singletonKey: 'c' },
        { payload: {} },
      ]);
      await queue.enqueue(name, {});
      expect((await queue.counts(name)).waiting).toBe(5);
    });

    it('has one winner among 20 at once', async () => {
      const definition = define();
      const queue = await start(definition);
      const tries = Array.from({ length: 20 }, () =>
        queue.enqueue(definition.name, {}, { singletonKey: 'same' }),
      );
      expect((await Promise.all(tries)).filter((id) => id !== undefined)).toHaveLength(1);
    });

    it('lets the next one in while the first runs', async () => {
      const definition = define();
      const queue = await start(definition);
      const gate = Promise.withResolvers<void>();
      let runs = 0;
      await queue.work(definition.name, { concurrency: 1 }, async () => {
        runs += 1;
        await gate.promise;
      });
      await queue.enqueue(definition.name, {}, { singletonKey: 'a' });
      await vi.waitFor(() => expect(runs).toBe(1), SOON);
      expect(await queue.enqueue(definition.name, {}, { singletonKey: 'a' })).toBeDefined();
      gate.resolve();
      await vi.waitFor(() => expect(runs).toBe(2), SOON);
    });
  });

  describe('failures', () => {
    it('tries again, and after the last try the job lies in the dead letter queue', async () => {
      const definition = define({ retryLimit: 2 });
      const queue = await start(definition);
      const tries: [number, boolean][] = [];
      await queue.work(definition.name, { concurrency: 1 }, async (job) => {
        tries.push([job.attempt, job.isLastAttempt]);
        throw new Error('no luck');
      });
      await queue.enqueue(definition.name, { keep: 'me' });
      await vi.waitFor(async () => {
        expect(await queue.counts(definition.name)).toEqual({ waiting: 0, active: 0, dead: 1 });
      }, SOON);
      expect(tries).toEqual([
        [0, false],
        [1, false],
        [2, true],
      ]);
    });

    it('asks again later as often as a handler wants, without counting it', async () => {
      const definition = define({ retryLimit: 0 });
      const queue = await start(definition);
      const attempts: number[] = [];
      await queue.work(definition.name, { concurrency: 1 }, async (job) => {
        attempts.push(job.attempt);
        if (attempts.length < 4) throw new RetryLaterError('busy', 20);
      });
      await queue.enqueue(definition.name, {});
      await vi.waitFor(() => expect(attempts).toEqual([0, 0, 0, 0]), SOON);
      await vi.waitFor(async () => {
        expect(await queue.counts(definition.name)).toEqual({ waiting: 0, active: 0, dead: 0 });
      }, SOON);
    });
  });

  describe('leases', () => {
    it('keeps a job that runs longer than its lease', async () => {
      const definition = define({ leaseMs: 400 });
      const instances = [await start(definition), await start(definition)];
      let runs = 0;
      const done = Promise.withResolvers<boolean>();
      for (const instance of instances) {
        await instance.work(definition.name, { concurrency: 1 }, async (_job, signal) => {
          runs += 1;
          await systemClock.sleep(1_600);
          done.resolve(signal.aborted);
        });
      }
      await instances[0]?.enqueue(definition.name, {});
      expect(await done.promise).toBe(false);
      expect(runs).toBe(1);
    });

    it('gives the job of a dead worker to another one, and tells the dead one', async () => {
      const definition = define({ leaseMs: 600 });
      const severable = new SeverableDatabase(subject.database);
      const dying = await start(definition, severable);
      const abandoned = Promise.withResolvers<unknown>();
      const taken = Promise.withResolvers<void>();
      await dying.work(definition.name, { concurrency: 1 }, async (_job, signal) => {
        taken.resolve();
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        abandoned.resolve(signal.reason);
      });
      await dying.enqueue(definition.name, { n: 1 });
      await taken.promise;
      severable.sever();
      const living = await start(definition);
      const { promise: ran, resolve } = Promise.withResolvers<Job>();
      await living.work(definition.name, { concurrency: 1 }, async (job) => resolve(job));
      expect(await ran).toMatchObject({ payload: { n: 1 }, attempt: 1 });
      expect(await abandoned.promise).toMatchObject({ message: expect.stringContaining('lost') });
    });

    it('does not let a worker that lost its lease settle the job', async () => {
      const definition = define({ leaseMs: 600 });
      const severable = new SeverableDatabase(subject.database);
      const slow = await start(definition, severable);
      const gate = Promise.withResolvers<void>();
      const taken = Promise.withResolvers<void>();
      await slow.work(definition.name, { concurrency: 1 }, async () => {
        taken.resolve();
        await gate.promise;
        throw new Error('too late');
      });
      await slow.enqueue(definition.name, {});
      await taken.promise;
      severable.sever();
      const living = await start(definition);
      const second = Promise.withResolvers<void>();
      const running = Promise.withResolvers<void>();
      await living.work(definition.name, { concurrency: 1 }, async () => {
        running.resolve();
        await second.promise;
      });
      await running.promise;
      severable.heal();
      gate.resolve();
      await slow.close({ timeoutMs: 1_000 });
      expect((await living.counts(definition.name)).active).toBe(1);
      second.resolve();
      await vi.waitFor(async () => {
        expect(await living.counts(definition.name)).toEqual({ waiting: 0, active: 0, dead: 0 });
      }, SOON);
    });

    it('keeps a job whose worker died in the last try', async () => {
      const definition = define({ leaseMs: 600, retryLimit: 0 });
      const severable = new SeverableDatabase(subject.database);
      const dying = await start(definition, severable);
      const taken = Promise.withResolvers<void>();
      await dying.work(definition.name, { concurrency: 1 }, async (_job, signal) => {
        taken.resolve();
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      });
      await dying.enqueue(definition.name, {});
      await taken.promise;
      severable.sever();
      const living = await start(definition);
      await vi.waitFor(async () => {
        expect(await living.counts(definition.name)).toEqual({ waiting: 0, active: 0, dead: 1 });
      }, SOON);
    });
  });

  describe('close', () => {
    it('lets running jobs end and takes no new ones', async () => {
      const definition = define();
      const queue = await start(definition);
      const taken = Promise.withResolvers<void>();
      let finished = 0;
      await queue.work(definition.name, { concurrency: 1 }, async () => {
        taken.resolve();
        await systemClock.sleep(200);
        finished += 1;
      });
      await queue.enqueueMany(definition.name, [{ payload: {} }, { payload: {} }]);
      await taken.promise;
      await queue.close({ timeoutMs: 10_000 });
      expect(finished).toBe(1);
      const next = await start(definition);
      expect(await next.counts(definition.name)).toEqual({ waiting: 1, active: 0, dead: 0 });
    });

    it.each([
      ['ends when aborted', true],
      ['does not listen', false],
    ])('gives the lease of a handler back that %s', async (_title, listens) => {
      const definition = define({ retryLimit: 0, leaseMs: 60_000 });
      const queue = await start(definition);
      const taken = Promise.withResolvers<void>();
      await queue.work(definition.name, { concurrency: 1 }, async (_job, signal) => {
        taken.resolve();
        await new Promise((_resolve, reject) => {
          if (listens) signal.addEventListener('abort', () => reject(signal.reason));
        });
      });
      await queue.enqueue(definition.name, {});
      await taken.promise;
      await queue.close({ timeoutMs: 50 });
      const next = await start(definition);
      const { promise: ran, resolve } = Promise.withResolvers<Job>();
      await next.work(definition.name, { concurrency: 1 }, async (job) => resolve(job));
      expect(await ran).toMatchObject({ attempt: 0, isLastAttempt: true });
    });
  });

  it('enqueues at a cron minute, once for all instances', { timeout: 120_000 }, async () => {
    const definition = define();
    const startedAtMs = Date.now();
    const instances = [await start(definition), await start(definition)];
    const minutes: number[] = [];
    for (const instance of instances) {
      await instance.schedule(definition.name, '* * * * *', { from: 'cron' });
      await instance.work(definition.name, { concurrency: 1 }, async (job) => {
        expect(job.payload).toEqual({ from: 'cron' });
        minutes.push(Date.now());
      });
    }
    await expect(instances[0]?.schedule(definition.name, '0 * * * * *', {})).rejects.toThrow(
      RangeError,
    );
    await vi.waitFor(() => expect(minutes.length).toBeGreaterThan(0), { timeout: 100_000 });
    const passed = Math.floor(Date.now() / 60_000) - Math.floor(startedAtMs / 60_000);
    expect(minutes.length).toBeLessThanOrEqual(passed + 1);
  });
}
