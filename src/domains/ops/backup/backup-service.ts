import type { BlobStore } from '../../../ports/blob-store.ts';
import { ArchiveStore } from './archive/archive-store.ts';
import type { Manifest } from './archive/manifest.ts';
import { refused } from './backup-error.ts';
import { type BackupSource, type CreateOptions, createBackup } from './create-backup.ts';
import { type KeepRule, pruneBackups, type PruneResult } from './prune-backups.ts';
import { endRun, failDeadRuns, insertRun, tryBackupLock } from './run-repository.ts';

const LOCK_TIMEOUT_MS = 24 * 3_600_000;
const ERROR_LENGTH_MAX = 1_000;

export interface BackupServiceOptions {
  readonly source: BackupSource;
  /** A folder or `s3://bucket/prefix`. */
  openTarget(target: string): Promise<BlobStore>;
}

/** Backups of this installation, one at a time, each written down. */
export class BackupService {
  readonly #source: BackupSource;
  readonly #openTarget: (target: string) => Promise<BlobStore>;

  constructor({ source, openTarget }: BackupServiceOptions) {
    this.#source = source;
    this.#openTarget = openTarget;
  }

  /** A whole backup in `target`. */
  async create(target: string, options: CreateOptions): Promise<Manifest> {
    return await this.#alone(() =>
      this.#recorded(target, () =>
        this.#withStore(target, options.signal, (store) =>
          createBackup(this.#source, store, options),
        ),
      ),
    );
  }

  /** Deletes what the rule does not keep, and what no backup names. */
  async prune(target: string, rule: KeepRule, signal?: AbortSignal): Promise<PruneResult> {
    return await this.#alone(() =>
      this.#withStore(target, signal, (store) => pruneBackups(store, rule)),
    );
  }

  async #withStore<T>(
    target: string,
    signal: AbortSignal | undefined,
    work: (store: ArchiveStore) => Promise<T>,
  ): Promise<T> {
    const blobs = await this.#openTarget(target);
    try {
      return await work(new ArchiveStore(blobs, signal));
    } finally {
      await blobs.close();
    }
  }

  // The embedded database belongs to one process, and its only session must stay free.
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const { database } = this.#source;
    if (!database.capabilities.concurrentSessions) return await work();
    return await database.transaction(
      async (transaction) => {
        if (await tryBackupLock(transaction)) return await work();
        throw refused('another backup of this installation runs now; wait for its end');
      },
      { timeoutMs: LOCK_TIMEOUT_MS },
    );
  }

  async #recorded(target: string, work: () => Promise<Manifest>): Promise<Manifest> {
    const { database, clock } = this.#source;
    const startedMs = clock.monotonicMs();
    const run = { id: clock.newId('bkrun_'), kind: 'backup' as const, target };
    await failDeadRuns(database, run.kind, clock.now());
    await insertRun(database, { ...run, started_at: clock.now() });
    const ended = () => ({
      id: run.id,
      ended_at: clock.now(),
      duration_ms: Math.round(clock.monotonicMs() - startedMs),
    });
    try {
      const manifest = await work();
      await endRun(database, {
        ...ended(),
        state: 'succeeded',
        backup_id: manifest.id,
        size_bytes: manifest.size_bytes,
        added_bytes: manifest.added_bytes,
        error: null,
      });
      return manifest;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const nothing = { backup_id: null, size_bytes: null, added_bytes: null };
      await endRun(database, {
        ...ended(),
        ...nothing,
        state: 'failed',
        error: reason.slice(0, ERROR_LENGTH_MAX),
      });
      throw error;
    }
  }
}
