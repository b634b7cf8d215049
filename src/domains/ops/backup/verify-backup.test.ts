import { randomBytes } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { MemoryBlobStore } from '../../../../test/support/memory-blob-store.ts';
import { systemClock } from '../../../adapters/clock/system.ts';
import { createSecretBox } from '../../../lib/secret-box.ts';
import { createKeyFile, openForWriting, parseKeyFile } from './archive/archive-key.ts';
import { ArchiveStore } from './archive/archive-store.ts';
import { ArchiveWriter } from './archive/archive-writer.ts';
import type { ContentsEntry } from './archive/contents.ts';
import { type Manifest, signManifest } from './archive/manifest.ts';
import { pruneBackups } from './prune-backups.ts';
import { generateRecoveryKey, parseIdentityFile } from './recovery/recovery-key.ts';
import { verifyBackup } from './verify-backup.ts';

const CORRUPTIONS = 500;
const box = createSecretBox(randomBytes(32));
const pair = generateRecoveryKey();
const byBox = { identities: [], box };
const byIdentity = { identities: parseIdentityFile(pair.identity), box: undefined };
const blobs = new MemoryBlobStore();
const store = new ArchiveStore(blobs);
let pristine: [string, Buffer][] = [];

const columns = [
  { name: 'id', type: 'text' },
  { name: 'blob_key', type: 'text' },
  { name: 'deleted_at', type: 'timestamp with time zone' },
];

/** A small archive: rows of `files` in several chunks, one blob for each, without a database behind it. */
async function writeArchive(
  id: string,
  files: number,
  { withoutBlob = -1, rowsSaid = files }: { withoutBlob?: number; rowsSaid?: number } = {},
): Promise<Manifest> {
  const [stored] = await store.readKeyFiles();
  const keyText = stored ?? createKeyFile(pair.recipient, box, systemClock);
  if (stored === undefined) await store.writeKeyFile(parseKeyFile(keyText).id, keyText);
  const key = openForWriting(keyText, box);
  if (key === undefined) throw new Error('the box has just sealed it');
  const writer = new ArchiveWriter(store, key, { entries: new Map(), stored: new Map() });
  const entries: ContentsEntry[] = [];
  const chunks: string[] = [];
  for (let number = 0; number < files; number += 1) {
    const content = Buffer.from(`content of file ${number} `.repeat(50));
    const row = JSON.stringify([`file-${number}`, `files/file-${number}`, null]);
    chunks.push(await writer.add(Buffer.from(`${row}\n`)));
    if (number === withoutBlob) continue;
    entries.push({
      kind: 'blob',
      key: `files/file-${number}`,
      size_bytes: content.length,
      sha256: '0'.repeat(64),
      chunks: [await writer.add(content)],
    });
  }
  entries.unshift({ kind: 'table', table: 'files', columns, months: [], rows: rowsSaid, chunks });
  const lines = entries.map((entry) => `${JSON.stringify(entry)}\n`);
  const contents = [await writer.add(Buffer.from(lines.join('')))];
  await writer.settle();
  const manifest: Manifest = {
    format: 1,
    id,
    consistent_at: '2026-11-25T00:00:00.000Z',
    started_at: '2026-11-25T00:00:00.000Z',
    finished_at: '2026-11-25T00:00:01.000Z',
    application_version: '1',
    schema_version: 1,
    shape: { database: 'embedded', blobs: 'folder', index: 'embedded' },
    installation_id: 'inst',
    key: { id: key.id, sha256: key.sha256, signer: key.signer },
    secret_key_ids: [box.keyId],
    secret_keys_for_recipient: null,
    tables: [{ name: 'files', rows: rowsSaid }],
    blobs: { count: entries.length - 1, size_bytes: 0 },
    size_bytes: writer.sizeBytes,
    added_bytes: writer.addedBytes,
    contents,
    chunks: writer.entries,
  };
  await store.writeManifest(id, signManifest(manifest, key));
  return manifest;
}

const findings = async (
  id = 'one',
  level: 0 | 1 | 2 | 3 = 3,
  openers = byBox as typeof byIdentity | typeof byBox,
) => (await verifyBackup(store, id, { level, openers })).findings;

beforeAll(async () => {
  await writeArchive('one', 12);
  pristine = [...blobs.files].map(([key, bytes]) => [key, Buffer.from(bytes)]);
});

function restorePristine(): void {
  blobs.files.clear();
  for (const [key, bytes] of pristine) blobs.files.set(key, Buffer.from(bytes));
}

test('a whole backup has no findings, with the identity as with the secret key', async () => {
  for (const level of [0, 1, 2, 3] as const) expect(await findings('one', level)).toEqual([]);
  expect(await findings('one', 3, byIdentity)).toEqual([]);
});

test('a stranger is told whose key is wanted', async () => {
  const stranger = { identities: [], box: createSecretBox(randomBytes(32)) };
  await expect(verifyBackup(store, 'one', { level: 2, openers: stranger })).rejects.toThrow(
    `opens with the identity of ${pair.recipient}`,
  );
});

test(`BK-4 each of ${CORRUPTIONS} corruptions is found`, async () => {
  const random = seeded(20_261_125);
  const missed: string[] = [];
  for (let trial = 0; trial < CORRUPTIONS; trial += 1) {
    restorePristine();
    const what = corrupt(blobs.files, random);
    if ((await findings()).length === 0) missed.push(`trial ${trial}: ${what}`);
  }
  restorePristine();
  expect(missed).toEqual([]);
});

test('a missing or shortened chunk is found without any key, by level 1', async () => {
  const chunk = pristine.map(([key]) => key).find((key) => key.startsWith('chunks/')) ?? '';
  blobs.files.set(chunk, (blobs.files.get(chunk) ?? Buffer.alloc(0)).subarray(1));
  expect(await findings('one', 1)).toHaveLength(1);
  blobs.files.delete(chunk);
  expect(await findings('one', 1)).toHaveLength(1);
  restorePristine();
});

test('a signed backup whose rows name a blob that is not in it is found by level 3', async () => {
  await writeArchive('dangling', 4, { withoutBlob: 2 });
  expect(await findings('dangling', 2)).toEqual([]);
  expect(await findings('dangling')).toEqual([
    'files names the blob files/file-2, which is missing',
  ]);
  await writeArchive('short', 4, { rowsSaid: 5 });
  expect(await findings('short')).toEqual(['files has 4 rows instead of 5']);
  restorePristine();
});

test('pruning deletes what no backup names and leaves the others whole', async () => {
  const key = pristine.map(([name]) => name).find((name) => name.startsWith('chunks/')) ?? '';
  const orphan = `${key.slice(0, key.lastIndexOf('/') - 2)}ff/${'f'.repeat(64)}`;
  blobs.files.set(orphan, Buffer.from('left by a backup that was killed'));
  const result = await pruneBackups(store, { daily: 1, weekly: 0, monthly: 0 });
  expect(result).toMatchObject({ kept: ['one'], deletedBackups: [], deletedChunks: 1 });
  expect(await findings()).toEqual([]);
  blobs.files.set('manifests/two.json', Buffer.from('damaged'));
  await expect(pruneBackups(store, { daily: 1, weekly: 0, monthly: 0 })).rejects.toThrow(
    'nothing is pruned beside a backup that cannot be read',
  );
  restorePristine();
});

/** Changes one file, or swaps two; says what it did. */
function corrupt(files: Map<string, Buffer>, random: (below: number) => number): string {
  const keys = [...files.keys()].sort();
  const key = keys[random(keys.length)] ?? '';
  const bytes = files.get(key) ?? Buffer.alloc(0);
  const kind = (['flip', 'truncate', 'swap', 'remove'] as const)[random(4)] ?? 'flip';
  if (kind === 'remove') files.delete(key);
  if (kind === 'truncate') files.set(key, bytes.subarray(0, random(bytes.length)));
  if (kind === 'flip') {
    const index = random(bytes.length);
    bytes[index] = (bytes[index] ?? 0) ^ (1 << random(8));
  }
  if (kind === 'swap') {
    const others = keys.filter((other) => other !== key);
    const other = others[random(others.length)] ?? '';
    files.set(key, files.get(other) ?? Buffer.alloc(0));
    files.set(other, bytes);
  }
  return `${kind} ${key}`;
}

/** Numbers that are the same in every run (xorshift). */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
