import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LedgerClient } from '../support/ledger-client.ts';
import { describeWithLegs, S3_TEST_CREDENTIALS } from '../support/legs.ts';
import { type ScriptedProvider, startScriptedProvider } from '../support/scripted-provider.ts';
import { upstreamVariables } from '../support/servers/app-process.ts';
import {
  backupByServer,
  backupCommand,
  type BackupPlace,
  backupPlace,
  expectNothingDangling,
  expectWhole,
  searchEverything,
} from '../support/servers/backup-commands.ts';
import { startEmbedded } from '../support/servers/embedded.ts';
import type { Installation } from '../support/servers/installation.ts';
import { call } from './api-client.ts';
import { runLlamp, startLlamp } from './llamp-process.ts';
import { createTestDatabase } from './test-database.ts';

const TIMEOUT_MS = 280_000;
// More of both for a longer run than the usual one.
const MOMENTS = Number(process.env['BACKUP_TEST_MOMENTS'] ?? 2);
const KILLS = Number(process.env['BACKUP_TEST_KILLS'] ?? 3);
const LEDGER = { chatModel: 'scripted-chat' };

let directory: string;
let upstream: ScriptedProvider;
let place: BackupPlace;
let source: Installation;
let ledger: LedgerClient;
let backups: string[];
let searchedBefore: Record<string, unknown>;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'llamp-backup-'));
  upstream = await startScriptedProvider();
  place = await backupPlace(directory);
  source = await startEmbedded({
    upstream,
    dataDirectory: join(directory, 'source'),
    environment: place.variables,
  });
  ledger = new LedgerClient({ ...LEDGER, apiKey: source.apiKey });
});

afterAll(async () => {
  await source?.stop();
  await upstream?.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('OP-8 backup of an embedded installation', () => {
  test(
    'BK-1 backups at moments of write load hold what was acknowledged before',
    async () => {
      await acknowledged(source, ledger);
      searchedBefore = await searchEverything(source);
      backups = await underLoad(source, () => backupByServer(source));
      expect(new Set(backups).size).toBe(MOMENTS);
      for (const id of backups) await expectWhole(place, id);
    },
    TIMEOUT_MS,
  );

  test(
    'BK-1 each is restored into an empty installation, which loses nothing',
    async () => {
      for (const id of backups) {
        const dataDirectory = join(directory, `restored-${id}`);
        await backupCommand(['restore', id, '--identity', place.identity], place, {
          LLAMP_DATA_DIR: dataDirectory,
        });
        await withServer(dataDirectory, expectAllThere);
      }
    },
    TIMEOUT_MS,
  );

  test('the server tells how its backups went', async () => {
    const metrics = await call(source.url, { path: '/metrics', key: source.apiKey });
    expect(metrics.text).toMatch(
      /^llamp_backup_last_success_timestamp_seconds\{target=".*"\} 1\.?\d/m,
    );
    expect(metrics.text).toMatch(/^llamp_backup_size_bytes\{target=".*"\} [1-9]/m);
    const unknown = { target: '/nowhere' };
    const refused = await call(source.url, {
      path: '/api/v1/backups',
      key: source.apiKey,
      json: unknown,
    });
    expect(refused.json['error']).toMatchObject({ code: 'backup_target_unknown', param: 'target' });
  });

  test('a command beside the running server says who makes its backups', async () => {
    const variables = { ...place.variables, LLAMP_DATA_DIR: join(directory, 'source') };
    const ended = await runLlamp(['backup', 'create'], variables);
    expect(ended).toMatchObject({ code: 1 });
    expect(ended.stderr).toContain('POST /api/v1/backups');
  });

  test('an installation that has been set up is never overwritten', async () => {
    const dataDirectory = join(directory, `restored-${backups[0]}`);
    const variables = { LLAMP_DATA_DIR: dataDirectory };
    const again = ['restore', '--identity', place.identity];
    const { ended } = await backupCommand(again, place, variables, 1);
    expect(ended.stderr).toContain('into an empty installation only');
  });

  test(
    `BK-2 a backup that is killed is none, ${KILLS} times, and the one before stays whole`,
    async () => {
      await source.instances[0]?.stop();
      const variables = { ...place.variables, LLAMP_DATA_DIR: join(directory, 'source') };
      const before = await listed();
      for (let kill = 0; kill < KILLS; kill += 1) {
        const command = startLlamp(['backup', 'create', '--json'], variables);
        await command.waitFor(KILL_AFTER[kill % KILL_AFTER.length] ?? /progress/);
        command.signal('SIGKILL');
        await command.ended;
      }
      const after = await listed();
      expect(after.slice(0, before.length)).toEqual(before);
      // One that was killed after its last byte is a backup; nothing that is listed is less than whole.
      expect(after.length - before.length).toBeLessThan(KILLS);
      for (const id of after.slice(before.length - 1)) await expectWhole(place, id);
      const { lines } = await backupCommand(['prune'], place, variables);
      expect(lines.at(-1)).toMatchObject({ kept: after, deletedBackups: [] });
      await expectWhole(place, after.at(-1) ?? '');
    },
    TIMEOUT_MS,
  );

  test(
    'BK-5 a drill restores the newest backup elsewhere, starts it and searches it',
    async () => {
      const variables = { ...place.variables, LLAMP_DATA_DIR: join(directory, 'source') };
      const { lines } = await backupCommand(['drill'], place, variables);
      expect(lines.at(-1)).toMatchObject({ event: 'drilled', recorded: true });
      const probe = lines.at(-1)?.['probe'] as { stores: number; failed: unknown[] };
      expect(probe.stores).toBeGreaterThan(0);
      expect(probe.failed).toEqual([]);
      await source.instances[0]?.start();
      const metrics = await call(source.url, { path: '/metrics', key: source.apiKey });
      expect(metrics.text).toMatch(/^llamp_restore_drill_last_success_timestamp_seconds\{.*\} 1/m);
      await source.instances[0]?.stop();
    },
    TIMEOUT_MS,
  );

  test(
    'a restore that is killed leaves what serves nobody, and goes on when it is run again',
    async () => {
      const variables = { LLAMP_DATA_DIR: join(directory, 'half') };
      const args = ['backup', 'restore', '--target', place.target, '--identity', place.identity];
      const command = startLlamp([...args, '--json'], variables);
      await command.waitFor(/"phase":"tables","table":"files"/);
      command.signal('SIGKILL');
      await command.ended;
      const refused = await runLlamp(['serve'], { ...variables, LLAMP_PORT: '0' });
      expect(refused).toMatchObject({ code: 1 });
      expect(refused.stderr).toContain('a restore into this installation has not ended');
      expect(await runLlamp(args, variables)).toMatchObject({ code: 0 });
      await withServer(join(directory, 'half'), expectAllThere);
    },
    TIMEOUT_MS,
  );
});

describeWithLegs('OP-8 from shape to shape', ['postgres', 'minio', 'milvus'], (addresses) => {
  test(
    'embedded to distributed and back, with a backup under load there',
    async () => {
      const { postgres, minio, milvus } = addresses;
      await using database = await createTestDatabase(postgres);
      const [host = '', port = ''] = milvus.split(':');
      const distributed = {
        DATABASE_URL: database.url,
        MINIO_ENDPOINT: minio,
        MINIO_ACCESS_KEY: S3_TEST_CREDENTIALS.accessKey,
        MINIO_SECRET_KEY: S3_TEST_CREDENTIALS.secretKey,
        MINIO_BUCKET: `llamp-restored-${randomUUID()}`,
        MILVUS_HOST: host,
        MILVUS_PORT: port,
        LLAMP_DATA_DIR: join(directory, 'command'),
      };
      const keyFile = join(directory, 'secret-key.txt');
      const restore = ['restore', '--identity', place.identity];
      const asked = await backupCommand(
        [...restore, '--write-secret-key', keyFile],
        place,
        distributed,
        1,
      );
      expect(asked.ended.stderr).toContain('set LLAMP_SECRET_KEY');
      const secretKey = { LLAMP_SECRET_KEY: readFileSync(keyFile, 'utf8').trim() };
      await backupCommand(restore, place, { ...distributed, ...secretKey });
      const bucket = { ...place, target: `s3://llamp-backups-${randomUUID()}/here` };
      let id = '';
      await withServer(
        join(directory, 'distributed'),
        async (server) => {
          await expectAllThere(server);
          const create = ['create', '--recipient', place.variables.LLAMP_BACKUP_RECIPIENT];
          const made = await underLoad(server, async () => {
            const { lines } = await backupCommand(create, bucket, { ...distributed, ...secretKey });
            return String(lines.at(-1)?.['id']);
          });
          id = made.at(-1) ?? '';
        },
        { ...distributed, ...secretKey },
      );
      const s3 = {
        LLAMP_BACKUP_S3_ENDPOINT: minio,
        LLAMP_BACKUP_S3_ACCESS_KEY: S3_TEST_CREDENTIALS.accessKey,
        LLAMP_BACKUP_S3_SECRET_KEY: S3_TEST_CREDENTIALS.secretKey,
      };
      const back = { ...s3, LLAMP_DATA_DIR: join(directory, 'back') };
      await backupCommand(['verify', id, '--identity', place.identity], bucket, back);
      await backupCommand([...restore, id], bucket, back);
      await withServer(join(directory, 'back'), expectAllThere);
    },
    TIMEOUT_MS,
  );
});

// Phases of a backup at which it is killed.
const KILL_AFTER = [
  /"table":"installation"/,
  /"table":"secret_canary"/,
  /"phase":"blobs"/,
  /"table":"chunks"/,
];

async function listed(): Promise<string[]> {
  const { lines } = await backupCommand(['list'], place);
  return lines.map(({ id }) => String(id));
}

/** Writes of every kind that are acknowledged, and have come to rest. */
async function acknowledged(installation: Installation, client: LedgerClient): Promise<void> {
  const stop = new AbortController();
  const writing = client.writeUntil(installation.url, stop.signal);
  for (let round = 0; round < 3; round += 1) await client.untilEachKindGrew();
  stop.abort();
  await writing;
  expect(await client.losses(installation.url)).toEqual([]);
}

/** Backups while others write as fast as they are answered. */
async function underLoad(
  { url, apiKey }: Pick<Installation, 'url' | 'apiKey'>,
  backUp: () => Promise<string>,
): Promise<string[]> {
  const load = new LedgerClient({ ...LEDGER, apiKey });
  const stop = new AbortController();
  const writing = load.writeUntil(url, stop.signal);
  const ids: string[] = [];
  for (let moment = 0; moment < MOMENTS; moment += 1) {
    await load.untilEachKindGrew();
    ids.push(await backUp());
  }
  stop.abort();
  await writing;
  return ids;
}

async function withServer(
  dataDirectory: string,
  work: (server: Installation) => Promise<void>,
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const server = await startEmbedded({
    dataDirectory,
    apiKey: source.apiKey,
    environment: { ...upstreamVariables(upstream), ...environment, LLAMP_DATA_DIR: dataDirectory },
  });
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

/** What was acknowledged before the backup is there, keys work, files open, searches find the same. */
async function expectAllThere(server: Installation): Promise<void> {
  expect(await ledger.losses(server.url)).toEqual([]);
  expect(await expectNothingDangling(server)).toBeGreaterThan(0);
  expect(await searchEverything(server)).toMatchObject(searchedBefore);
}
