import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { holdBlobs, releaseBlobs } from '../../src/domains/knowledge/index.ts';
import {
  ArchiveStore,
  type BackupSource,
  createBackup,
  generateRecoveryKey,
  type RestoreTarget,
  requireKey,
  restoreBackup,
  verifyBackup,
} from '../../src/domains/ops/backup/index.ts';
import { listSuperseded } from '../../src/domains/knowledge/ingestion/collect-repository.ts';
import { listDeletedFiles } from '../../src/domains/knowledge/files/repository.ts';
import { migrate, schemaStatus } from '../../src/domains/ops/migration/index.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createSecretBox } from '../../src/lib/secret-box.ts';
import type { Database } from '../../src/ports/database.ts';
import { temporaryFolder } from '../support/database-template.ts';
import { type FreshDatabase, freshPglite, freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';
import { MemoryBlobStore } from '../support/memory-blob-store.ts';

// Enough that the borders of chunks next to a change weigh little.
const FILES = 500;
const CHUNKS_PER_FILE = 25;
const CHANGED_PERCENT = 1;
const TIMEOUT_MS = 240_000;
const box = createSecretBox(randomBytes(32));
const { recipient } = generateRecoveryKey();

describeBackups('the embedded database', freshPglite);

describeWithLegs('a served database', ['postgres'], ({ postgres }) => {
  describeBackups('PostgreSQL', () => freshPostgres(postgres));
});

function describeBackups(title: string, fresh: () => Promise<FreshDatabase>): void {
  describe(`OP-8 a backup of ${title}`, () => {
    let databases: FreshDatabase;
    let database: Database;
    let folder: string;
    const blobs = new MemoryBlobStore();
    const target = new MemoryBlobStore();
    const store = new ArchiveStore(target);
    const source = (): BackupSource => ({
      database,
      blobs,
      clock: systemClock,
      box,
      secretKeys: [],
      configuration: '{}',
      shape: { database: 'test', blobs: 'test', index: 'test' },
      applicationVersion: '1',
      spoolDirectory: `${folder}/spool`,
    });
    const backUp = () => createBackup(source(), store, { recipient });

    beforeAll(async () => {
      folder = temporaryFolder('backup');
      databases = await fresh();
      database = await databases.open();
      await migrate(database, { directory: 'migrations', clock: systemClock, log: silentLog });
      await database.executeScript(`
        insert into installation (id, created_at) values ('inst_1', now());
        insert into organizations (id, name, created_at) values ('org_1', E'quo\\'te \\u2028 "\\\\ {}', now());
        insert into projects (id, organization_id, name, created_at) values ('proj_1', 'org_1', 'One', now());
        insert into vector_stores (id, project_id, organization_id, metadata, embedding_model, embedding_dimensions,
          collection, created_at, last_active_at, changed_at)
        values ('vs_1', 'proj_1', 'org_1', '{"null": null, "deep": [1.5, "é", {}]}', 'm', 8, 'kb_1', now(), now(), now())`);
      await addFiles(database, blobs, 0, FILES);
    }, TIMEOUT_MS);
    afterAll(async () => {
      await database?.close();
      await databases?.dispose();
      rmSync(folder, { recursive: true, force: true });
    });

    test('BK-3 a second backup with 1 % change moves at most 5 % of the bytes', {
      timeout: TIMEOUT_MS,
    }, async () => {
      const first = await backUp();
      const before = target.putBytes;
      const changed = (FILES * CHANGED_PERCENT) / 100;
      await addFiles(database, blobs, FILES, changed);
      const second = await backUp();
      const moved = target.putBytes - before;
      process.stdout.write(
        `${title}: ${first.size_bytes} bytes, then ${moved} with manifest (${second.added_bytes} in chunks)\n`,
      );
      expect(moved / before).toBeLessThan(0.05);
      for (const { id } of [first, second])
        expect(await verify(store, id)).toMatchObject({ findings: [] });
    });

    test('BK-1 every value of every row comes back as it was', {
      timeout: TIMEOUT_MS,
    }, async () => {
      const manifest = await backUp();
      const elsewhere = await fresh();
      const restored = await elsewhere.open();
      try {
        const restoredBlobs = new MemoryBlobStore();
        await restoreBackup(restoreTarget(restored, restoredBlobs), store, {
          manifest,
          key: await requireKey(store, manifest, { identities: [], box }),
        });
        expect(await fingerprints(restored)).toEqual(await fingerprints(database));
        expect(restoredBlobs.files).toEqual(blobs.files);
      } finally {
        await restored.close();
        await elsewhere.dispose();
      }
    });

    test('what a running backup may still name is collected by nobody', async () => {
      await database.executeScript(`
        update generations set state = 'superseded', superseded_at = now() where id = 'gen_1';
        update files set deleted_at = now() - interval '2 days' where id = 'file-2'`);
      const superseded = () =>
        listSuperseded(database, { after: undefined, now: new Date(), limit: 9 });
      const deleted = () => listDeletedFiles(database, { before: new Date(), limit: 9 });
      await holdBlobs(database, { id: 'a', holdMs: 60_000 });
      await holdBlobs(database, { id: 'b', holdMs: -1 });
      expect([...(await superseded()), ...(await deleted())]).toEqual([]);
      await releaseBlobs(database, 'a');
      expect((await superseded()).map(({ id }) => id)).toEqual(['gen_1']);
      expect((await deleted()).map(({ id }) => id)).toEqual(['file-2']);
    });

    test('a blob that a row names and that is gone makes the backup fail', async () => {
      blobs.files.delete('files/file-3');
      const before = await store.listBackupIds();
      // The earlier backups hold it still, so only an archive without them has to read it.
      const empty = new ArchiveStore(new MemoryBlobStore());
      await expect(createBackup(source(), empty, { recipient })).rejects.toThrow(
        'the blob files/file-3 is missing although a row names it',
      );
      expect(await empty.listBackupIds()).toEqual([]);
      expect(await store.listBackupIds()).toEqual(before);
    });

    test('a target of another installation is left alone', async () => {
      await database.executeScript(`update installation set id = 'inst_2'`);
      await expect(backUp()).rejects.toThrow('holds backups of another installation');
    });
  });
}

const verify = (store: ArchiveStore, id: string) =>
  verifyBackup(store, id, { level: 3, openers: { identities: [], box } });

/** Files with a blob, a generation, an embedding pack and chunks each; every text is random. */
async function addFiles(
  database: Database,
  blobs: MemoryBlobStore,
  from: number,
  count: number,
): Promise<void> {
  for (let number = from; number < from + count; number += 1) {
    const bytes = bytesOf(`file ${number}`, 20_000);
    await blobs.put(`files/file-${number}`, bytes);
    await blobs.put(`packs/gen_${number}/pack`, bytesOf(`pack ${number}`, CHUNKS_PER_FILE * 32));
    await database.batch([
      {
        sql: `insert into files (id, project_id, filename, purpose, size_bytes, sha256, blob_key, created_at)
          values ($1, 'proj_1', 'a.bin', 'assistants', $2, $3, $4, clock_timestamp())`,
        parameters: [
          `file-${number}`,
          bytes.length,
          createHash('sha256').update(bytes).digest(),
          `files/file-${number}`,
        ],
      },
      {
        sql: `insert into generations (id, project_id, vector_store_id, file_id, collection, chunk_count, pack_blob_key,
            state, created_at) values ($1, 'proj_1', 'vs_1', $2, 'kb_1', $3, $4, 'current', clock_timestamp())`,
        parameters: [
          `gen_${number}`,
          `file-${number}`,
          CHUNKS_PER_FILE,
          `packs/gen_${number}/pack`,
        ],
      },
      {
        sql: `insert into chunks (generation_id, ordinal, project_id, content, char_start, char_end, token_count, words,
            characters) select $1, ordinal, 'proj_1', text, 0, 1, 1, text, '' from unnest($2::text[]) with ordinality
            as given (text, ordinal)`,
        parameters: [
          `gen_${number}`,
          Array.from({ length: CHUNKS_PER_FILE }, (_, at) =>
            bytesOf(`chunk ${number} ${at}`, 400).toString('base64'),
          ),
        ],
      },
    ]);
  }
}

/** Bytes that no compression makes smaller, the same in every run: they decide where chunks end. */
function bytesOf(seed: string, sizeBytes: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

function restoreTarget(database: Database, blobs: MemoryBlobStore): RestoreTarget {
  const options = { directory: 'migrations', clock: systemClock, log: silentLog };
  return {
    database,
    blobs,
    clock: systemClock,
    currentSchema: async () => (await schemaStatus(database, 'migrations')).current,
    knownSchema: async () => (await schemaStatus(database, 'migrations')).expected,
    migrate: async (upTo) => {
      await migrate(database, { ...options, upTo });
    },
    rebuildIndex: async () => [],
  };
}

/** A hash of all texts of each kept table that has rows here. */
async function fingerprints(database: Database): Promise<unknown[]> {
  const tables = [
    'organizations',
    'projects',
    'files',
    'vector_stores',
    'generations',
    'chunks',
    'revisions',
  ];
  const rows: unknown[] = [];
  for (const table of tables) {
    const answer = await database.execute({
      sql: `select $1::text as table, count(*) as rows, md5(string_agg(t::text, '|' order by t::text)) as hash from ${table} t`,
      parameters: [table],
    });
    rows.push(...answer.rows);
  }
  return rows;
}
