import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import type { Manifest } from './archive/manifest.ts';
import { type BackupRun, endRun, failDeadRuns, insertRun } from './run-repository.ts';

const ERROR_LENGTH_MAX = 1_000;

/** Runs `work`, and writes down that it began, how it ended and which backup it was about. */
export async function recordedRun(
  { database, clock }: { database: Database; clock: Clock },
  run: Pick<BackupRun, 'kind' | 'target'>,
  work: () => Promise<Manifest>,
): Promise<Manifest> {
  const startedMs = clock.monotonicMs();
  const id = clock.newId('bkrun_');
  await failDeadRuns(database, run.kind, clock.now());
  await insertRun(database, { id, ...run, started_at: clock.now() });
  const ended = () => ({
    id,
    ended_at: clock.now(),
    duration_ms: Math.round(clock.monotonicMs() - startedMs),
  });
  try {
    const manifest = await work();
    const { size_bytes, added_bytes } = manifest;
    const facts = { backup_id: manifest.id, size_bytes, added_bytes, error: null };
    await endRun(database, { ...ended(), state: 'succeeded', ...facts });
    return manifest;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const facts = { backup_id: null, size_bytes: null, added_bytes: null };
    await endRun(database, {
      ...ended(),
      state: 'failed',
      ...facts,
      error: reason.slice(0, ERROR_LENGTH_MAX),
    });
    throw error;
  }
}
