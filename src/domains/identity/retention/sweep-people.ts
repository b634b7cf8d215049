import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import type { JobQueue, QueueDefinition } from '../../../ports/job-queue.ts';
import { SESSION_IDLE_MS } from '../sign-in/refresh-token.ts';
import { deleteOver, deleteOverSessions, type Perishable } from './sweep-repository.ts';

const QUEUE = 'people-sweep';
const HOURLY = '17 * * * *';
const HOUR_MS = 3_600_000;
const LEASE_MS = 10 * 60_000;
const DAY_MS = 24 * HOUR_MS;
const BATCH = 5_000;
const STATEMENT_TIMEOUT_MS = 30_000;
// People may ask when a session ended, and who was invited.
const SESSIONS_KEPT_MS = 30 * DAY_MS;
const KEPT_MS: Readonly<Record<Perishable, number>> = {
  attempts: 0,
  tickets: 0,
  links: 30 * DAY_MS,
  invitations: 90 * DAY_MS,
  signingKeys: DAY_MS,
};

interface SweepDependencies {
  readonly database: Database;
  readonly clock: Clock;
}

/** Background work for people. */
export interface PeopleWorkers {
  readonly queues: readonly QueueDefinition[];
  /** The job queue has been started with `queues`. */
  startWorkers(): Promise<void>;
}

/** The sweep, every hour on one instance. */
export function peopleWorkers(queue: JobQueue, dependencies: SweepDependencies): PeopleWorkers {
  return {
    queues: [{ name: QUEUE, retryLimit: 3, retryDelayMs: 60_000, leaseMs: LEASE_MS }],
    startWorkers: async () => {
      await queue.work(QUEUE, { concurrency: 1 }, async (_job, signal) => {
        await sweepPeople(dependencies, signal);
      });
      await queue.schedule(QUEUE, HOURLY, {});
    },
  };
}

/** Deletes what is over: sessions, counted attempts, tickets, links, invitations, signing keys. Returns how much. */
export async function sweepPeople(
  { database, clock }: SweepDependencies,
  signal: AbortSignal,
): Promise<Readonly<Record<string, number>>> {
  const nowMs = clock.now().getTime();
  const ago = (durationMs: number) => new Date(nowMs - durationMs);
  const options = { timeoutMs: STATEMENT_TIMEOUT_MS, signal };
  const idleBefore = ago(SESSIONS_KEPT_MS + SESSION_IDLE_MS);
  const sessions = { before: ago(SESSIONS_KEPT_MS), idleBefore, limit: BATCH };
  const deleted: Record<string, number> = {
    sessions: await untilDone(() => deleteOverSessions(database, sessions, options)),
  };
  for (const [what, keptMs] of Object.entries(KEPT_MS) as [Perishable, number][]) {
    const sweep = { before: ago(keptMs), limit: BATCH };
    deleted[what] = await untilDone(() => deleteOver(database, what, sweep, options));
  }
  return deleted;
}

/** In batches, so that no statement holds many rows. */
async function untilDone(deleteBatch: () => Promise<number>): Promise<number> {
  let total = 0;
  for (;;) {
    const deleted = await deleteBatch();
    total += deleted;
    if (deleted < BATCH) return total;
  }
}
