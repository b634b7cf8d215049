import { performance } from 'node:perf_hooks';
import type { Health } from './http/health.ts';
import { collectTogether } from './lib/collect-together.ts';
import type { Metrics } from './lib/metrics.ts';
import type { JobQueue, QueueDefinition } from './ports/job-queue.ts';

const monotonicMs = () => performance.now();

/** Reads the queues when metrics are collected, so that an idle server runs no query for them. */
export function observeQueues(
  queue: JobQueue,
  definitions: readonly QueueDefinition[],
  { queueJobs, queueOldest }: Metrics,
): void {
  const observe = async (name: string) => {
    const counts = await queue.counts(name);
    for (const [state, count] of Object.entries(counts))
      queueJobs.set({ queue: name, state }, count);
  };
  const read = async () => {
    await Promise.all(definitions.map(({ name }) => observe(name)));
    for (const { queue: name, oldestWaitingMs } of await queue.backlogs())
      queueOldest.set({ queue: name }, oldestWaitingMs / 1000);
  };
  collectTogether([queueJobs, queueOldest], read, { monotonicMs });
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
