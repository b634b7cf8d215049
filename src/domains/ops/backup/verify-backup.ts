import { ArchiveReader } from './archive/archive-reader.ts';
import type { ArchiveStore } from './archive/archive-store.ts';
import type { Contents, TableEntry } from './archive/contents.ts';
import type { Manifest } from './archive/manifest.ts';
import { BackupError, damaged } from './backup-error.ts';
import { BLOB_REFERENCES } from './catalogue.ts';
import { eachOf } from './each-of.ts';
import { type Openers, readKeyFile, requireKey } from './open-backup.ts';

/**
 * 0: the manifest is what was signed, and its key file is there. 1: every chunk is there with its length. 2: every chunk
 * is read, hashed and opened. 3: rows name only blobs that are in it, and there are as many rows as the manifest says.
 */
export const VERIFY_LEVELS = [0, 1, 2, 3] as const;
export type VerifyLevel = (typeof VERIFY_LEVELS)[number];

export interface VerifyResult {
  readonly id: string;
  readonly level: VerifyLevel;
  readonly chunks: number;
  readonly rows: number;
  readonly blobs: number;
  /** Empty for a backup that is whole. */
  readonly findings: readonly string[];
}

export interface VerifyOptions {
  readonly level: VerifyLevel;
  readonly openers: Openers;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

const FINDINGS_MAX = 100;

/** Proves a backup without putting it back. Rejects only when the archive cannot be asked, or no key opens it. */
export async function verifyBackup(
  store: ArchiveStore,
  id: string,
  options: VerifyOptions,
): Promise<VerifyResult> {
  const check = new Findings();
  const result = { id, level: options.level, chunks: 0, rows: 0, blobs: 0 };
  const manifest = await check.of(() => store.readManifest(id));
  if (manifest === undefined) return { ...result, findings: check.list };
  await check.of(() => readKeyFile(store, manifest));
  result.chunks = manifest.chunks.length;
  if (options.level >= 1) await checkLengths(store, manifest, check);
  if (options.level >= 2 && check.list.length === 0)
    await readEverything(store, manifest, { options, check, result });
  return { ...result, findings: check.list };
}

/** What is wrong, one sentence each; anything but damage is thrown on. */
class Findings {
  readonly list: string[] = [];

  add(finding: string): void {
    if (this.list.length < FINDINGS_MAX) this.list.push(finding);
  }

  async of<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof BackupError) || error.code !== 'archive_damaged') throw error;
      this.add(error.message);
      return undefined;
    }
  }
}

async function checkLengths(
  store: ArchiveStore,
  manifest: Manifest,
  check: Findings,
): Promise<void> {
  const stored = await store.listChunks(manifest.key.id);
  for (const [name, sizeBytes] of manifest.chunks) {
    const found = stored.get(name);
    if (found === undefined) check.add(`the chunk ${name} is missing`);
    else if (found !== sizeBytes)
      check.add(`the chunk ${name} has ${found} bytes instead of ${sizeBytes}`);
  }
}

interface Reading {
  readonly options: VerifyOptions;
  readonly check: Findings;
  readonly result: { rows: number; blobs: number };
}

async function readEverything(
  store: ArchiveStore,
  manifest: Manifest,
  { options, check, result }: Reading,
): Promise<void> {
  const key = await requireKey(store, manifest, options.openers);
  const reader = new ArchiveReader(store, manifest, key);
  let done = 0;
  await eachOf(manifest.chunks, async (entry) => {
    options.signal?.throwIfAborted();
    await check.of(() => reader.readChunk(entry[0]));
    done += 1;
    options.onProgress?.(done, manifest.chunks.length);
  });
  if (options.level < 3 || check.list.length > 0) return;
  const contents = await check.of(() => reader.readContents());
  if (contents === undefined) return;
  checkChunks(contents, manifest, check);
  result.blobs = contents.blobs.size;
  if (contents.blobs.size !== manifest.blobs.count)
    check.add(`${contents.blobs.size} blobs are listed instead of ${manifest.blobs.count}`);
  for (const table of contents.tables) {
    const rows = await check.of(() => checkRows(reader, table, contents, check));
    result.rows += rows ?? 0;
  }
  checkCounts(contents, manifest, check);
}

function checkChunks(contents: Contents, manifest: Manifest, check: Findings): void {
  const known = new Set(manifest.chunks.map(([name]) => name));
  const entries = [...contents.tables, ...contents.blobs.values()];
  for (const { chunks } of entries) {
    for (const name of chunks) if (!known.has(name)) check.add(`the chunk ${name} is not listed`);
  }
}

/** Counts the rows of a table and follows what they name. */
async function checkRows(
  reader: ArchiveReader,
  { table, columns, chunks, rows }: TableEntry,
  contents: Contents,
  check: Findings,
): Promise<number> {
  const names = columns.map(({ name }) => name);
  const references = BLOB_REFERENCES.filter((each) => each.table === table);
  let count = 0;
  for (const chunk of chunks) {
    const lines = await reader.readLines(chunk);
    count += lines.length;
    if (references.length === 0) continue;
    for (const line of lines) {
      const values = JSON.parse(line) as (string | null)[];
      for (const { column, keyOf, requiredWhen } of references) {
        const value = values[names.indexOf(column)] ?? null;
        if (value === null || requiredWhen === undefined) continue;
        if ((values[names.indexOf(requiredWhen.column)] ?? null) !== requiredWhen.is) continue;
        const key = keyOf === undefined ? value : keyOf(value);
        if (!contents.blobs.has(key)) check.add(`${table} names the blob ${key}, which is missing`);
      }
    }
  }
  if (count !== rows) throw damaged(`${table} has ${count} rows instead of ${rows}`);
  return count;
}

function checkCounts(contents: Contents, manifest: Manifest, check: Findings): void {
  const listed = new Map(contents.tables.map(({ table, rows }) => [table, rows]));
  for (const { name, rows } of manifest.tables) {
    if (listed.get(name) !== rows)
      check.add(`${name} is listed with ${listed.get(name) ?? 'no'} rows instead of ${rows}`);
  }
}
