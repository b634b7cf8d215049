import type { SecretBox } from '../../../lib/secret-box.ts';
import type { BlobStore } from '../../../ports/blob-store.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import { holdBlobs, releaseBlobs } from '../../knowledge/index.ts';
import {
  createKeyFile,
  openForWriting,
  openWithBox,
  parseKeyFile,
  type WritingKey,
} from './archive/archive-key.ts';
import { ArchiveReader } from './archive/archive-reader.ts';
import type { ArchiveStore } from './archive/archive-store.ts';
import { ArchiveWriter } from './archive/archive-writer.ts';
import type { BlobEntry, ContentsEntry } from './archive/contents.ts';
import { type ChunkEntry, type Manifest, signManifest } from './archive/manifest.ts';
import { refused } from './backup-error.ts';
import { copyBlobs } from './copy-blobs.ts';
import { type CopiedTables, copyTables } from './copy-tables.ts';
import { encryptForRecipient } from './recovery/age-file.ts';
import { parseRecipient } from './recovery/recovery-key.ts';
import { RowCutter } from './rows/row-cutter.ts';
import { readDatabaseFacts } from './rows/snapshot-repository.ts';

const HOLD_MS = 3_600_000;
const RENEW_EVERY_MS = 300_000;

export interface BackupSource {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly box: SecretBox;
  /** What the box seals with: they are in the backup, for the recipient alone. */
  readonly secretKeys: readonly Uint8Array[];
  /** The effective configuration without secrets, as text. */
  readonly configuration: string;
  readonly shape: Manifest['shape'];
  readonly applicationVersion: string;
  readonly spoolDirectory: string;
}

export interface CreateOptions {
  /** `age1…` */
  readonly recipient: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: BackupProgress) => void;
}

export interface BackupProgress {
  readonly phase: 'tables' | 'blobs' | 'finish';
  readonly table?: string;
  readonly rows?: number;
  readonly blobs?: number;
  readonly blobsTotal?: number;
  readonly addedBytes: number;
}

/**
 * A whole backup: rows of one moment, then the blobs that they name, then the list of contents, and the manifest last.
 * Until that is written there is no backup, whatever else is.
 */
export async function createBackup(
  source: BackupSource,
  store: ArchiveStore,
  options: CreateOptions,
): Promise<Manifest> {
  const { database, clock } = source;
  const startedAt = clock.now();
  const id = backupId(clock);
  const key = await writingKey(source, store, options.recipient);
  const { writer, earlier } = await openWriter(source, store, key);
  const hold = new BlobHold(source, id);
  await hold.begin();
  try {
    const copied = await copyTables({
      database,
      writer,
      spoolDirectory: source.spoolDirectory,
      signal: options.signal,
      onTable: async (table, rows) => {
        if (database.capabilities.concurrentSessions) await hold.renew();
        options.onProgress?.({ phase: 'tables', table, rows, addedBytes: writer.addedBytes });
      },
    });
    const blobs = await copyBlobsOf(copied, source, { writer, earlier, hold, options });
    const contents = await writeContents(writer, [
      ...copied.tables,
      ...blobs,
      { kind: 'configuration', chunks: [await writer.add(Buffer.from(source.configuration))] },
    ]);
    await writer.settle();
    const made = { id, startedAt, key, writer, contents, copied, blobs };
    const manifest = manifestOf(source, options.recipient, made);
    options.onProgress?.({ phase: 'finish', addedBytes: writer.addedBytes });
    options.signal?.throwIfAborted();
    await store.writeManifest(id, signManifest(manifest, key));
    return manifest;
  } finally {
    await hold.end();
  }
}

/** Keeps deleted blobs in place, for as long as rows of the snapshot name them. */
class BlobHold {
  readonly #source: BackupSource;
  readonly #id: string;
  #renewedMs = 0;

  constructor(source: BackupSource, id: string) {
    this.#source = source;
    this.#id = id;
  }

  async begin(): Promise<void> {
    this.#renewedMs = this.#source.clock.monotonicMs();
    await holdBlobs(this.#source.database, { id: this.#id, holdMs: HOLD_MS });
  }

  async renew(): Promise<void> {
    if (this.#source.clock.monotonicMs() - this.#renewedMs >= RENEW_EVERY_MS) await this.begin();
  }

  async end(): Promise<void> {
    await releaseBlobs(this.#source.database, this.#id);
  }
}

async function copyBlobsOf(
  copied: CopiedTables,
  { blobs }: BackupSource,
  {
    writer,
    earlier,
    hold,
    options,
  }: {
    writer: ArchiveWriter;
    earlier: ReadonlyMap<string, BlobEntry>;
    hold: BlobHold;
    options: CreateOptions;
  },
): Promise<BlobEntry[]> {
  let done = 0;
  return await copyBlobs(copied.blobs, {
    blobs,
    writer,
    earlier,
    signal: options.signal,
    onBlob: async () => {
      done += 1;
      await hold.renew();
      options.onProgress?.({
        phase: 'blobs',
        blobs: done,
        blobsTotal: copied.blobs.size,
        addedBytes: writer.addedBytes,
      });
    },
  });
}

/** The newest key of the archive that this installation can use, for this recipient; or a new one. */
async function writingKey(
  { box, clock }: BackupSource,
  store: ArchiveStore,
  recipient: string,
): Promise<WritingKey> {
  const files = (await store.readKeyFiles())
    .map((text) => ({ text, file: parseKeyFile(text) }))
    .filter(({ file }) => file.recipient === recipient && openWithBox(file, box) !== undefined)
    .sort((a, b) => a.file.created_at.localeCompare(b.file.created_at));
  const usable = files.at(-1);
  const text = usable?.text ?? createKeyFile(recipient, box, clock);
  if (usable === undefined) await store.writeKeyFile(parseKeyFile(text).id, text);
  const key = openForWriting(text, box);
  if (key === undefined) throw refused('the secret key does not open what it has just sealed');
  return key;
}

/** A writer that knows every chunk of earlier backups, and the blobs of the last one. */
async function openWriter(source: BackupSource, store: ArchiveStore, key: WritingKey) {
  const { installationId } = await readDatabaseFacts(source.database);
  const entries = new Map<string, ChunkEntry>();
  let last: Manifest | undefined;
  for (const { manifest } of await store.listBackups()) {
    if (manifest !== undefined && manifest.installation_id !== (installationId ?? ''))
      throw refused(
        'the target holds backups of another installation; give each a place of its own',
      );
    if (manifest?.key.id !== key.id) continue;
    for (const entry of manifest.chunks) entries.set(entry[0], entry);
    last = manifest;
  }
  const writer = new ArchiveWriter(store, key, { entries, stored: await store.listChunks(key.id) });
  const earlier =
    last === undefined ? new Map<string, BlobEntry>() : await blobsOf(store, last, key);
  return { writer, earlier };
}

async function blobsOf(store: ArchiveStore, manifest: Manifest, key: WritingKey) {
  try {
    return (await new ArchiveReader(store, manifest, key).readContents()).blobs;
  } catch {
    // A damaged earlier backup costs time, and says so itself when it is verified.
    return new Map<string, BlobEntry>();
  }
}

async function writeContents(
  writer: ArchiveWriter,
  entries: readonly ContentsEntry[],
): Promise<string[]> {
  const cutter = new RowCutter();
  const names: string[] = [];
  for (const entry of entries) {
    const chunk = cutter.add(JSON.stringify(entry));
    if (chunk !== undefined) names.push(await writer.add(chunk));
  }
  const rest = cutter.end();
  if (rest !== undefined) names.push(await writer.add(rest));
  return names;
}

function manifestOf(
  source: BackupSource,
  recipient: string,
  made: {
    id: string;
    startedAt: Date;
    key: WritingKey;
    writer: ArchiveWriter;
    contents: string[];
    copied: CopiedTables;
    blobs: readonly BlobEntry[];
  },
): Manifest {
  const { key, writer, copied, blobs } = made;
  return {
    format: 1,
    id: made.id,
    consistent_at: copied.consistentAt.toISOString(),
    started_at: made.startedAt.toISOString(),
    finished_at: source.clock.now().toISOString(),
    application_version: source.applicationVersion,
    schema_version: copied.schemaVersion,
    shape: source.shape,
    installation_id: copied.installationId,
    key: { id: key.id, sha256: key.sha256, signer: key.signer },
    secret_key_ids: [source.box.keyId, ...source.box.olderKeyIds],
    secret_keys_for_recipient: secretKeysFor(recipient, source.secretKeys),
    tables: copied.tables.map(({ table, rows }) => ({ name: table, rows })),
    blobs: {
      count: blobs.length,
      size_bytes: blobs.reduce((sum, blob) => sum + blob.size_bytes, 0),
    },
    size_bytes: writer.sizeBytes,
    added_bytes: writer.addedBytes,
    contents: made.contents,
    chunks: writer.entries,
  };
}

function secretKeysFor(recipient: string, keys: readonly Uint8Array[]): string | null {
  const recipientKey = parseRecipient(recipient);
  if (recipientKey === undefined || keys.length === 0) return null;
  const lines = keys.map((key) => `${Buffer.from(key).toString('base64')}\n`);
  return encryptForRecipient(Buffer.from(lines.join('')), recipientKey).toString('base64');
}

/** Ids sort by time. */
function backupId(clock: Clock): string {
  const time = clock.now().toISOString().replace(/[-:]/g, '').replace(/\.\d+/, '').toLowerCase();
  return clock.newId(`${time}-`).slice(0, time.length + 9);
}
