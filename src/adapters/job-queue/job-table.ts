import type { Database } from '../../ports/database.ts';
import type { QueueBacklog } from '../../ports/job-queue.ts';
import { deadLetterQueueOf } from './dead-letter-queue.ts';

/** One try of one job. The number of tries fences every statement: who lost the lease changes nothing any more. */
export interface JobAttempt {
  readonly id: string;
  readonly attempt: number;
}

export interface QueueLease {
  readonly queue: string;
  readonly leaseMs: number;
}

const SWEEP_MAX = 1000;

/**
 * What pg-boss' interface does not offer, as SQL on its job table (the version is pinned and `jobQueueSchemaStep`
 * checks the schema): leases shorter than its ten seconds, and another try that counts as no failure.
 */
export class JobTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Prolongs the leases and returns the ids that are still held. */
  async renew(
    queue: string,
    jobs: readonly JobAttempt[],
    timeoutMs: number,
  ): Promise<ReadonlySet<string>> {
    const { rows } = await this.#database.execute<{ id: string }>(
      {
        sql: `update pgboss.job j set heartbeat_on = pgboss.job_now()
          from unnest($2::uuid[], $3::int[]) as held(id, attempt)
          where j.name = $1 and j.id = held.id and j.retry_count = held.attempt and j.state = 'active'
          returning j.id`,
        parameters: [queue, jobs.map((job) => job.id), jobs.map((job) => job.attempt)],
      },
      { timeoutMs },
    );
    return new Set(rows.map((row) => row.id));
  }

  /** Lets the job wait for another try. Without `countsAsFailure` the next try has the same number. */
  async reschedule(
    queue: string,
    job: JobAttempt,
    options: { delayMs: number; countsAsFailure: boolean; reason: string },
  ): Promise<boolean> {
    // pg-boss counts a claim as the next try exactly when an earlier one had started.
    const { affectedRows } = await this.#database.execute({
      sql: `update pgboss.job set state = 'retry', heartbeat_on = null, output = $4::jsonb,
          start_after = pgboss.job_now() + $5::float8 * interval '1 millisecond',
          started_on = case when $6::boolean then started_on end
        where name = $1 and id = $2::uuid and retry_count = $3::int and state = 'active'`,
      parameters: [
        queue,
        job.id,
        job.attempt,
        { message: options.reason },
        options.delayMs,
        options.countsAsFailure,
      ],
    });
    return affectedRows > 0;
  }

  /** Gives jobs of dead workers to others; returns their queues. */
  async retryExpired(leases: readonly QueueLease[]): Promise<string[]> {
    const { rows } = await this.#database.execute<{ name: string }>({
      sql: `update pgboss.job j set state = 'retry', heartbeat_on = null,
          start_after = pgboss.job_now(), output = '{"message": "the lease expired"}'
        where (j.name, j.id) in (${EXPIRED} and e.retry_count < e.retry_limit limit ${SWEEP_MAX})
          and j.state = 'active'
        returning j.name`,
      parameters: leaseParameters(leases),
    });
    return [...new Set(rows.map((row) => row.name))];
  }

  /** Jobs of dead workers that have no try left. */
  async findExpiredForGood(
    leases: readonly QueueLease[],
  ): Promise<(JobAttempt & { queue: string })[]> {
    const { rows } = await this.#database.execute<JobAttempt & { queue: string }>({
      sql: `select f.name as queue, f.id, f.retry_count as attempt from pgboss.job f
        where (f.name, f.id) in (${EXPIRED} and e.retry_count >= e.retry_limit limit ${SWEEP_MAX})`,
      parameters: leaseParameters(leases),
    });
    return rows;
  }

  /** Those of the queues that have a job to run now. */
  async queuesWithDueJobs(queues: readonly string[]): Promise<string[]> {
    const { rows } = await this.#database.execute<{ name: string }>({
      sql: `select q.name from unnest($1::text[]) as q(name) where exists (
          select from pgboss.job j where j.name = q.name and j.state < 'active' and not j.blocked
            and j.start_after <= pgboss.job_now())`,
      parameters: [queues],
    });
    return rows.map((row) => row.name);
  }

  /** What waits, by queue; a queue of which nothing is stored is told with zeros. */
  async backlogs(queues: readonly string[]): Promise<QueueBacklog[]> {
    const { rows } = await this.#database.execute<QueueBacklog>({
      sql: `select q.name as queue,
          (select count(*) from pgboss.job d where d.name = q.dead_letters and d.state < 'active') as dead,
          coalesce((select extract(epoch from pgboss.job_now() - min(w.start_after)) * 1000 from pgboss.job w
            where w.name = q.name and w.state < 'active' and w.start_after <= pgboss.job_now()), 0)::float8
            as "oldestWaitingMs"
        from unnest($1::text[], $2::text[]) as q(name, dead_letters)`,
      parameters: [queues, queues.map(deadLetterQueueOf)],
    });
    return rows;
  }

  async counts(
    queue: string,
    deadLetterQueue: string,
  ): Promise<{ waiting: number; active: number; dead: number }> {
    const { rows } = await this.#database.execute<{
      waiting: number;
      active: number;
      dead: number;
    }>({
      sql: `select
          count(*) filter (where name = $1 and state < 'active') as waiting,
          count(*) filter (where name = $1 and state = 'active') as active,
          count(*) filter (where name = $2 and state < 'active') as dead
        from pgboss.job where name in ($1, $2) and state < 'completed'`,
      parameters: [queue, deadLetterQueue],
    });
    return rows[0] ?? { waiting: 0, active: 0, dead: 0 };
  }
}

const EXPIRED = `select e.name, e.id from pgboss.job e
  join unnest($1::text[], $2::int[]) as lease(name, ms) on e.name = lease.name
  where e.state = 'active'
    and e.heartbeat_on < pgboss.job_now() - lease.ms * interval '1 millisecond'`;

function leaseParameters(leases: readonly QueueLease[]): unknown[] {
  return [leases.map((lease) => lease.queue), leases.map((lease) => Math.ceil(lease.leaseMs))];
}
