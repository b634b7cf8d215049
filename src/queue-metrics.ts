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
