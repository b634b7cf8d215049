import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import { lockedError } from './errors.ts';
import { tryMigrationLock } from './repository.ts';

const HOLD_MS = 2 * 60 * 60_000;
const WAIT_MS = 60 * 60_000;
const RETRY_DELAY_MS = 200;

/**
 * Runs `work` while no other process migrates the same database. The lock lives in a transaction of its own, so it
 * ends with its holder; who waits holds no session meanwhile. `work` needs a second session of the pool.
 */
export async function withMigrationLock<T>(
  database: Database,
  clock: Clock,
  work: () => Promise<T>,
): Promise<T> {
  // One session in one process: there is nobody to keep out, and a lock in a transaction would block `work`.
  if (!database.capabilities.concurrentSessions) return await work();
  const startMs = clock.monotonicMs();
  for (;;) {
    const outcome = await database.transaction(
      async (transaction) =>
        (await tryMigrationLock(transaction)) ? { value: await work() } : undefined,
      { timeoutMs: HOLD_MS },
    );
    if (outcome !== undefined) return outcome.value;
    const waitedMs = clock.monotonicMs() - startMs;
    if (waitedMs > WAIT_MS) throw lockedError(waitedMs);
    await clock.sleep(RETRY_DELAY_MS);
  }
}
