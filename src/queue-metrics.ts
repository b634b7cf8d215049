import type { Metrics } from './lib/metrics.ts';
import type { JobQueue, QueueDefinition } from './ports/job-queue.ts';

/** Reads the queues when metrics are collected, so that an idle server runs no query for them. */
export function observeQueues(
  queue: JobQueue,
  definitions: readonly QueueDefinition[],
  { queueJobs }: Metrics,
): void {
  Object.assign(queueJobs, {
    collect: async () => {
      for (const { name } of definitions) {
        const counts = await queue.counts(name);
        for (const [state, count] of Object.entries(counts)) {
          queueJobs.set({ queue: name, state }, count);
        }
      }
    },
  });
}
