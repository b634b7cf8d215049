import { observeBackups } from './observe-backups.ts';
import { observeRuntime } from './observe-runtime.ts';
import { observeCertificate, observeStored } from './observe-stored.ts';
import type { QueueDefinition } from './ports/job-queue.ts';
import type { RuntimeContext, Stores } from './runtime.ts';
import { observeQueues } from './scrape-metrics.ts';

/** Everything that is read when metrics are collected. Returns how to stop. */
export function observeApplication(
  { database, queue }: Stores,
  { config, clock, metrics }: RuntimeContext,
  running: {
    readonly version: string;
    readonly queues: readonly QueueDefinition[];
    readonly isDraining: () => boolean;
  },
): () => void {
  const { version, queues, isDraining } = running;
  observeQueues(queue, queues, metrics);
  observeStored({ database, clock }, metrics);
  observeBackups(database, config.backup.targets, metrics);
  observeCertificate(config.http.publicUrl, metrics);
  return observeRuntime(metrics, { version, config, isDraining });
}
