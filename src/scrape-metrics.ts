import type { Health } from './http/health.ts';
import type { Metrics } from './lib/metrics.ts';
import type { JobQueue, QueueDefinition } from './ports/job-queue.ts';

/** Reads the queues when metrics are collected, so that an idle server runs no query for them. */
export function observeQueues(
  queue: JobQueue,
  definitions: readonly QueueDefinition[],
  { queueJobs }: Metrics,
): void {
  const observe = async (name: string) => {
    const counts = await queue.counts(name);
    for (const [state, count] of Object.entries(counts))
      queueJobs.set({ queue: name, state }, count);
  };
  Object.assign(queueJobs, {
    collect: async () => {
      // All other metrics matter most when the database is away: old figures must not stay, nor fail the rest.
      queueJobs.reset();
      await Promise.all(definitions.map(({ name }) => observe(name))).catch(() => undefined);
    },
  });
}

/** Asks the stores when metrics are collected; the answers are those of `/health`, at most seconds old. */
export function observeStores(health: Health, { storeUp }: Metrics): void {
  Object.assign(storeUp, {
    collect: async () => {
      for (const { name, status } of await health.results()) {
        storeUp.set({ store: storeLabel(name) }, status === 'ok' ? 1 : 0);
      }
    },
  });
}

// The same labels as the durations of store operations.
function storeLabel(checkName: string): string {
  return checkName.split(' ')[0] ?? checkName;
}
