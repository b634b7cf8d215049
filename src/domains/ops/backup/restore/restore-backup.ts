import type { BlobStore } from '../../../../ports/blob-store.ts';
import type { Clock } from '../../../../ports/clock.ts';
import type { Database } from '../../../../ports/database.ts';
import type { RebuildResult } from '../../../knowledge/index.ts';
import { ArchiveReader } from '../archive/archive-reader.ts';
import type { OpenKey } from '../archive/archive-key.ts';
import type { ArchiveStore } from '../archive/archive-store.ts';
import type { Manifest } from '../archive/manifest.ts';
import { refused } from '../backup-error.ts';
import { loadBlobs } from './load-blobs.ts';
import { loadTables } from './load-tables.ts';
import {
  hasInstallation,
  markIncomplete,
  readMark,
  unmarkIncomplete,
} from './restore-repository.ts';

/** An installation that nobody has set up. */
export interface RestoreTarget {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  /** Highest schema version of the database; 0 for an empty one. */
  currentSchema(): Promise<number>;
  /** Highest schema version that this release knows. */
  knownSchema(): Promise<number>;
  /** Brings the schema to a version, by default the newest. */
  migrate(version?: number): Promise<void>;
  /** Makes the vector index from rows and packs, and proves it. */
  rebuildIndex(signal: AbortSignal | undefined): Promise<RebuildResult[]>;
}

export interface RestoreProgress {
  readonly phase: 'schema' | 'tables' | 'blobs' | 'index' | 'finish';
  readonly table?: string;
  readonly rows?: number;
  readonly blobs?: number;
  readonly blobsTotal?: number;
}

export interface RestoreResult {
  readonly backupId: string;
  readonly rows: number;
  readonly blobs: number;
  readonly collections: readonly RebuildResult[];
}

export interface RestoreOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RestoreProgress) => void;
}

const LIST_TIMEOUT_MS = 60_000;

/**
 * Puts a backup back: schema, rows, blobs, index. What is not finished is marked, serves nobody, and can be started
 * again. The caller has proven the manifest, and that the keys at hand are those of the backup.
 */
export async function restoreBackup(
  target: RestoreTarget,
  store: ArchiveStore,
  { manifest, key }: { manifest: Manifest; key: OpenKey },
  options: RestoreOptions = {},
): Promise<RestoreResult> {
  const { database, blobs, clock } = target;
  const { signal, onProgress } = options;
  const reader = new ArchiveReader(store, manifest, key);
  const contents = await reader.readContents();
  const hasRows = await requireReady(target, manifest);
  await markIncomplete(database, manifest.id, clock.now());
  if (!hasRows) {
    onProgress?.({ phase: 'schema' });
    await target.migrate(manifest.schema_version);
    await loadTables(database, reader, contents.tables, {
      signal,
      onTable: (table, rows) => onProgress?.({ phase: 'tables', table, rows }),
    });
  }
  let done = 0;
  await loadBlobs(blobs, reader, contents.blobs.values(), {
    signal,
    onBlob: () => {
      done += 1;
      onProgress?.({ phase: 'blobs', blobs: done, blobsTotal: contents.blobs.size });
    },
  });
  await target.migrate();
  onProgress?.({ phase: 'index' });
  const collections = await target.rebuildIndex(signal);
  requireProven(collections);
  await unmarkIncomplete(database);
  onProgress?.({ phase: 'finish' });
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  return { backupId: manifest.id, rows, blobs: done, collections };
}

/** True when an attempt before this one has put the rows back, and only the rest is to be done. */
async function requireReady(target: RestoreTarget, manifest: Manifest): Promise<boolean> {
  const { database } = target;
  const known = await target.knownSchema();
  if (manifest.schema_version > known)
    throw refused(
      `backup ${manifest.id} has schema ${manifest.schema_version} and this release knows ${known}: restore with release ${manifest.application_version} or a newer one`,
    );
  const mark = await readMark(database);
  if (mark !== undefined && mark.backup_id !== manifest.id)
    throw refused(
      `a restore of ${mark.backup_id} has not ended here: start that one again, or give this one an empty database`,
    );
  if (mark?.has_rows === true) return true;
  if (await hasInstallation(database))
    throw refused(
      'a backup is restored into an empty installation only, and this one has been set up: give it a new data folder, or a new database and bucket',
    );
  const current = await target.currentSchema();
  if (current > manifest.schema_version)
    throw refused(
      `the empty database has schema ${current} already and the backup has ${manifest.schema_version}: give it a database without tables`,
    );
  await requireNoBlobs(target.blobs);
  return false;
}

async function requireNoBlobs(blobs: BlobStore): Promise<void> {
  for (const prefix of PREFIXES) {
    const found = await blobs.list(prefix, { limit: 1, timeoutMs: LIST_TIMEOUT_MS });
    if (found.blobs.length > 0)
      throw refused(
        `the blob store already holds ${found.blobs[0]?.key ?? prefix}: give the restored installation an empty bucket or data folder`,
      );
  }
}

// Where blobs of installations lie; anything else in a bucket is not ours.
const PREFIXES = ['files/', 'packs/', 'audit/'];

function requireProven(collections: readonly RebuildResult[]): void {
  const failed = collections.flatMap((each) => each.failed);
  const [first] = failed;
  if (first !== undefined)
    throw refused(
      `${failed.length} files cannot be put into the vector index; the first, ${first.generationId}: ${first.reason}`,
    );
}
