import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutBucketPolicyCommand, S3Client, CreateBucketCommand } from '@aws-sdk/client-s3';
import { Client } from 'pg';
import { createClient } from 'redis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runAppCommand } from '../support/servers/app-process.ts';
import { redisServer } from '../support/servers/redis.ts';
import type { RunningServer } from '../support/servers/test-server.ts';
import { DATA_FAULTS } from '../support/doctor/data-faults.ts';
import {
  type Change,
  examined,
  type Fault,
  laterClock,
  named,
  told,
} from '../support/doctor/fault.ts';
import { type InstalledPlatform, installPlatform } from '../support/doctor/installed-platform.ts';
import { describeWithLegs, S3_TEST_CREDENTIALS } from '../support/legs.ts';
import { temporaryFolder } from '../support/database-template.ts';

const HOUR_MS = 3_600_000;
const SECRET_KEY = randomBytes(32).toString('base64');

/** Statements on a server of PostgreSQL, one connection each time. */
async function ask(url: string, ...statements: string[]): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

async function databaseOf(server: string, options = ''): Promise<{ url: string; name: string }> {
  const name = `doctor_${randomUUID().replaceAll('-', '')}`;
  await ask(server, `create database ${name} ${options}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, name };
}

const drop = (server: string, name: string) => ask(server, `drop database ${name} with (force)`);

type ServerFault = Pick<Fault, 'name' | 'check' | 'status'> & {
  seed(): Promise<Change> | Change;
  undo?(): Promise<unknown>;
};

/** Looks at an installation with these variables while a fault is there. */
async function expectNamed(fault: ServerFault, env: Record<string, string>): Promise<void> {
  try {
    const reports = await examined(
      { LANG: 'C.UTF-8', LLAMP_SECRET_KEY: SECRET_KEY, ...env },
      fault,
    );
    const found = reports.find(({ id }) => id === fault.check);
    expect(found, told(reports)).toMatchObject({ status: fault.status });
    const others = named(reports, 'fail').filter((id) => id !== fault.check);
    expect(others, told(reports)).toEqual([]);
  } finally {
    await fault.undo?.();
  }
}

describeWithLegs('OP-9 faults of PostgreSQL', ['postgres'], ({ postgres }) => {
  let database: { url: string; name: string };
  let open: Client | undefined;
  const variables = () => ({ DATABASE_URL: database.url });
  const on = (...statements: string[]) => ask(database.url, ...statements);
  const at = (change: (url: URL) => void) => {
    const url = new URL(database.url);
    change(url);
    return { env: { DATABASE_URL: url.href } };
  };

  beforeAll(async () => {
    database = await databaseOf(postgres);
    const folder = temporaryFolder('doctor-migrate');
    await runAppCommand(['migrate'], { ...variables(), LLAMP_DATA_DIR: folder });
    rmSync(folder, { recursive: true, force: true });
  });
  afterAll(async () => {
    await open?.end();
    await drop(postgres, database.name);
    await ask(postgres, 'drop role if exists doctor_guest');
  });

  const FAULTS: readonly ServerFault[] = [
    {
      name: 'nothing on the port',
      check: 'database.reachable',
      status: 'fail',
      seed: () =>
        at((url) => {
          url.port = '1';
        }),
    },
    {
      name: 'a database that does not exist',
      check: 'database.reachable',
      status: 'fail',
      seed: () =>
        at((url) => {
          url.pathname = '/nowhere';
        }),
    },
    {
      name: 'a user that does not exist',
      check: 'database.reachable',
      status: 'fail',
      seed: () =>
        at((url) => {
          url.username = 'nobody';
        }),
    },
    {
      name: 'more connections than the server has',
      check: 'database.connections',
      status: 'fail',
      seed: () => ({ options: { instances: 100 } }),
    },
    {
      name: 'a database that takes no writes',
      check: 'database.writable',
      status: 'fail',
      seed: () =>
        on(`alter database ${database.name} set default_transaction_read_only = on`).then(
          () => ({}),
        ),
      undo: () =>
        on(
          'set default_transaction_read_only = off',
          `alter database ${database.name} reset default_transaction_read_only`,
        ),
    },
    {
      name: 'commits that are not synced',
      check: 'database.durability',
      status: 'warn',
      seed: () =>
        on(`alter database ${database.name} set synchronous_commit = off`).then(() => ({})),
      undo: () => on(`alter database ${database.name} reset synchronous_commit`),
    },
    {
      name: 'a transaction that was left open',
      check: 'database.long-transactions',
      status: 'warn',
      seed: async () => {
        open = new Client({ connectionString: database.url });
        open.on('error', () => undefined);
        await open.connect();
        await open.query('begin');
        await open.query('select 1');
        return { options: { longTransactionMs: 0 } };
      },
      undo: () => open?.query('rollback') ?? Promise.resolve(),
    },
    {
      name: 'an index that was not finished',
      check: 'database.indexes',
      status: 'warn',
      seed: () =>
        on(
          "update pg_index set indisvalid = false where indexrelid = 'files_by_blob'::regclass",
        ).then(() => ({})),
      undo: () =>
        on("update pg_index set indisvalid = true where indexrelid = 'files_by_blob'::regclass"),
    },
    {
      name: 'a user without rights',
      check: 'database.rights',
      status: 'fail',
      seed: async () => {
        await on('create role doctor_guest login', 'grant pg_read_all_data to doctor_guest');
        return at((url) => {
          url.username = 'doctor_guest';
        });
      },
    },
    {
      name: 'a clock that is an hour off',
      check: 'database.clock',
      status: 'fail',
      seed: () => ({ clock: laterClock(HOUR_MS) }),
    },
    {
      name: 'a password that everybody knows',
      check: 'configuration.weak-secrets',
      status: 'warn',
      seed: () =>
        at((url) => {
          url.password = 'postgres';
        }),
    },
    {
      name: 'events that nobody seals',
      check: 'audit.seals',
      status: 'warn',
      seed: () =>
        on(
          "insert into audit_events (id, created_at, actor_kind, action, resource_kind, outcome, data_class) values ('evt_x', now() - interval '1 hour', 'service', 'keys.create', 'key', 'success', 'credential')",
        ).then(() => ({})),
    },
    {
      name: 'no backup of a served database',
      check: 'backup.age',
      status: 'warn',
      seed: () => ({}),
    },
    {
      name: 'no key for secrets',
      check: 'configuration.secret-key',
      status: 'warn',
      seed: () => ({ env: { LLAMP_SECRET_KEY: '' } }),
    },
    {
      name: 'a migration that failed before its record',
      check: 'database.schema',
      status: 'fail',
      seed: () =>
        on(
          'create table kept as select * from schema_migrations',
          'delete from schema_migrations where version = (select max(version) from schema_migrations)',
        ).then(() => ({})),
      undo: () =>
        on(
          'insert into schema_migrations select * from kept on conflict do nothing',
          'drop table kept',
        ),
    },
  ];

  test.each(FAULTS)('OP-9 $name is named by $check', (fault) => expectNamed(fault, variables()));

  test('OP-9 an empty database waits for its migration', async () => {
    const empty = await databaseOf(postgres);
    const fault = { name: '', check: 'database.schema', status: 'fail' as const, seed: () => ({}) };
    await expectNamed(fault, { DATABASE_URL: empty.url }).finally(() => drop(postgres, empty.name));
  });

  test('OP-9 another character set is named', async () => {
    const options = "encoding 'SQL_ASCII' locale 'C' template template0";
    const other = await databaseOf(postgres, options);
    const folder = temporaryFolder('doctor-migrate');
    await runAppCommand(['migrate'], { DATABASE_URL: other.url, LLAMP_DATA_DIR: folder });
    rmSync(folder, { recursive: true, force: true });
    const fault = {
      name: '',
      check: 'database.encoding',
      status: 'fail' as const,
      seed: () => ({}),
    };
    await expectNamed(fault, { DATABASE_URL: other.url }).finally(() => drop(postgres, other.name));
  });
});

describeWithLegs('OP-9 faults of Redis', ['redis'], () => {
  let server: RunningServer;
  const folder = mkdtempSync(join(tmpdir(), 'llamp-doctor-redis-'));
  beforeAll(async () => {
    const found = await redisServer.find();
    if ('missing' in found) throw new Error(found.missing);
    server = await redisServer.start({ path: found.path, directory: folder });
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const command = async (args: string[], password?: string) => {
    const client = createClient({ url: server.address, password });
    client.on('error', () => undefined);
    await client.connect();
    await client.sendCommand(args);
    client.destroy();
  };
  const set = (name: string, value: string, password?: string) =>
    command(['CONFIG', 'SET', name, value], password);

  const FAULTS: readonly ServerFault[] = [
    {
      name: 'nothing on the port',
      check: 'redis.reachable',
      status: 'fail',
      seed: () => ({ env: { REDIS_URL: 'redis://127.0.0.1:1' } }),
    },
    {
      name: 'a password that is not given',
      check: 'redis.reachable',
      status: 'fail',
      seed: () => set('requirepass', 'kX7-pq2_Zr9vLm4w').then(() => ({})),
      undo: () => set('requirepass', '', 'kX7-pq2_Zr9vLm4w'),
    },
    {
      name: 'a replica',
      check: 'redis.writable',
      status: 'fail',
      seed: () => command(['REPLICAOF', '127.0.0.1', '1']).then(() => ({})),
      undo: () => command(['REPLICAOF', 'NO', 'ONE']),
    },
    {
      name: 'a bound that refuses writes',
      check: 'redis.eviction',
      status: 'warn',
      seed: () => set('maxmemory', '1gb').then(() => ({})),
      undo: () => set('maxmemory', '0'),
    },
    {
      name: 'no memory left',
      check: 'redis.memory',
      status: 'fail',
      seed: () => set('maxmemory', '1mb').then(() => ({})),
      undo: () => set('maxmemory', '0'),
    },
    {
      name: 'a clock that is an hour off',
      check: 'redis.clock',
      status: 'fail',
      seed: () => ({ clock: laterClock(HOUR_MS) }),
    },
  ];
  test.each(FAULTS)('OP-9 $name is named by $check', (fault) =>
    expectNamed(fault, { REDIS_URL: server.address }),
  );
});

describeWithLegs('OP-9 faults of an object store', ['minio'], ({ minio }) => {
  const bucket = `doctor-${randomUUID()}`;
  const { accessKey: accessKeyId, secretKey: secretAccessKey } = S3_TEST_CREDENTIALS;
  const variables = {
    MINIO_ENDPOINT: minio,
    MINIO_ACCESS_KEY: accessKeyId,
    MINIO_SECRET_KEY: secretAccessKey,
    MINIO_BUCKET: bucket,
  };
  const client = new S3Client({
    endpoint: minio,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
  beforeAll(async () => {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
  });
  afterAll(() => client.destroy());

  const opened = (isOpen: boolean) => ({
    Version: '2012-10-17',
    Statement: isOpen
      ? [
          {
            Effect: 'Allow',
            Principal: { AWS: ['*'] },
            Action: ['s3:ListBucket'],
            Resource: [`arn:aws:s3:::${bucket}`],
          },
        ]
      : [],
  });
  const policy = (isOpen: boolean) =>
    client.send(
      new PutBucketPolicyCommand({ Bucket: bucket, Policy: JSON.stringify(opened(isOpen)) }),
    );

  const FAULTS: readonly ServerFault[] = [
    {
      name: 'nothing on the port',
      check: 'objects.reachable',
      status: 'fail',
      seed: () => ({ env: { MINIO_ENDPOINT: 'http://127.0.0.1:1' } }),
    },
    {
      name: 'a wrong secret key',
      check: 'objects.reachable',
      status: 'fail',
      seed: () => ({ env: { MINIO_SECRET_KEY: 'kX7-pq2_Zr9vLm4w' } }),
    },
    {
      name: 'a bucket that is not there',
      check: 'objects.bucket',
      status: 'warn',
      seed: () => ({ env: { MINIO_BUCKET: `none-${bucket}` } }),
    },
    {
      name: 'a bucket that everybody may list',
      check: 'objects.public',
      status: 'fail',
      seed: () => policy(true).then(() => ({})),
      undo: () => policy(false),
    },
    {
      name: 'a clock that is an hour off',
      check: 'objects.clock',
      status: 'fail',
      seed: () => ({ clock: laterClock(HOUR_MS) }),
    },
  ];
  test.each(FAULTS)('OP-9 $name is named by $check', (fault) => expectNamed(fault, variables));

  test('OP-9 a probe is written, read and deleted when it is asked for', async () => {
    const reports = await examined(
      { ...variables, LANG: 'C.UTF-8' },
      { seed: () => ({ options: { write: true } }) },
    );
    expect(named(reports, 'ok'), told(reports)).toContain('objects.write');
  });
});

describeWithLegs('OP-9 faults of Milvus', ['milvus-lite'], (addresses) => {
  const [host = '', port = ''] = addresses['milvus-lite'].split(':');
  test('OP-9 nothing on the port is named by vectors.reachable', () =>
    expectNamed(
      { name: '', check: 'vectors.reachable', status: 'fail', seed: () => ({}) },
      { MILVUS_HOST: host, MILVUS_PORT: '1' },
    ));

  test('OP-9 a Milvus that answers is right', async () => {
    const reports = await examined({ LANG: 'C.UTF-8', MILVUS_HOST: host, MILVUS_PORT: port });
    expect(named(reports, 'ok'), told(reports)).toEqual(
      expect.arrayContaining(['vectors.reachable', 'vectors.version']),
    );
  });
});

describeWithLegs(
  'OP-9 faults of what is stored on servers',
  ['postgres', 'redis', 'minio', 'milvus-lite'],
  (addresses) => {
    const folder = temporaryFolder('doctor-distributed');
    const [host = '', port = ''] = addresses['milvus-lite'].split(':');
    let database: { url: string; name: string };
    let platform: InstalledPlatform;
    beforeAll(async () => {
      database = await databaseOf(addresses.postgres);
      platform = await installPlatform({
        LLAMP_DATA_DIR: folder,
        LLAMP_SECRET_KEY: SECRET_KEY,
        DATABASE_URL: database.url,
        REDIS_URL: addresses.redis,
        MINIO_ENDPOINT: addresses.minio,
        MINIO_ACCESS_KEY: S3_TEST_CREDENTIALS.accessKey,
        MINIO_SECRET_KEY: S3_TEST_CREDENTIALS.secretKey,
        MINIO_BUCKET: `doctor-${randomUUID()}`,
        MILVUS_HOST: host,
        MILVUS_PORT: port,
      });
    });
    afterAll(async () => {
      await platform?.close();
      await drop(addresses.postgres, database.name);
      rmSync(folder, { recursive: true, force: true });
    });

    test('OP-9 nothing is wrong with what is right', async () => {
      const reports = await platform.examine();
      expect(told(reports.filter(({ status }) => status === 'fail'))).toBe('');
    });

    test.each(DATA_FAULTS)('OP-9 $name is named by $check', async (fault) => {
      const reports = await platform.examineWith(fault);
      const found = reports.find(({ id }) => id === fault.check);
      expect(found, told(reports)).toMatchObject({ status: fault.status });
      const others = named(reports, 'fail').filter((id) => id !== fault.check);
      expect(others, told(reports)).toEqual([]);
    });

    test('OP-9 vectors of another length are named by vectors.dimensions', async () => {
      const sql = (statement: string) =>
        platform.place.stores.database.execute({ sql: statement, parameters: [] });
      await sql('update vector_stores set embedding_dimensions = embedding_dimensions + 1');
      try {
        const reports = await platform.examine();
        expect(named(reports, 'fail'), told(reports)).toEqual(['vectors.dimensions']);
      } finally {
        await sql('update vector_stores set embedding_dimensions = embedding_dimensions - 1');
      }
    });
  },
);
