import type { BlobStore } from '../../../ports/blob-store.ts';
import { ArchiveStore } from './archive/archive-store.ts';
import type { Manifest } from './archive/manifest.ts';
import { refused } from './backup-error.ts';
import { type BackupSource, type CreateOptions, createBackup } from './create-backup.ts';
import { type KeepRule, pruneBackups, type PruneResult } from './prune-backups.ts';
import { recordedRun } from './recorded-run.ts';
import { tryBackupLock } from './run-repository.ts';

const LOCK_TIMEOUT_MS = 24 * 3_600_000;

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
      recordedRun(this.#source, { kind: 'backup', target }, () =>
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
}
