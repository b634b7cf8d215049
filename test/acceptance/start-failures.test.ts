import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWithLegs, S3_TEST_CREDENTIALS } from '../support/legs.ts';
import { freePort } from '../support/servers/loopback.ts';
import { type Ended, type LlampProcess, runLlamp, startLlamp } from './llamp-process.ts';
import { startRefusingPostgres } from './refusing-postgres.ts';
import { createTestDatabase } from './test-database.ts';

const run = promisify(execFile);
const SECRET = 'never-print-this-secret';
const CONFIGURATION = 78;
const USAGE = 2;

let folder = '';
/** With a database in it, so that most starts skip the seconds of making one. */
let dataDirectory = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'llamp-failures-'));
  dataDirectory = join(folder, 'data');
  const migrated = await runLlamp(['migrate'], { LLAMP_DATA_DIR: dataDirectory });
  expect(migrated).toMatchObject({ code: 0, stderr: '' });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('OP-10 the server says in one sentence why it cannot start', () => {
  test('PostgreSQL is away', async () => {
    const port = await freePort();
    const ended = await serve({
      DATABASE_URL: `postgres://llamp:${SECRET}@127.0.0.1:${port}/llamp`,
    });
    expectSentence(ended, ['PostgreSQL', `127.0.0.1:${port}`, 'DATABASE_URL']);
  });

  test('the host of PostgreSQL does not exist', async () => {
    const ended = await serve({ DATABASE_URL: `postgres://llamp:${SECRET}@nowhere.invalid/llamp` });
    expectSentence(ended, ['PostgreSQL', 'nowhere.invalid', 'DATABASE_URL']);
  });

  test('PostgreSQL refuses the password, which is not printed', async () => {
    const postgres = await startRefusingPostgres();
    const url = `postgres://llamp:${SECRET}@127.0.0.1:${postgres.port}/llamp`;
    const ended = await serve({ DATABASE_URL: url });
    await postgres.close();
    expectSentence(ended, ['PostgreSQL', 'password authentication failed', 'DATABASE_URL']);
  });

  test('the object store is away', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const ended = await serve({
      MINIO_ENDPOINT: endpoint,
      MINIO_ACCESS_KEY: 'llamp',
      MINIO_SECRET_KEY: SECRET,
    });
    expectSentence(ended, ['object store', endpoint, 'MINIO_ENDPOINT']);
  });

  test('Milvus is away', async () => {
    const port = await freePort();
    const ended = await serve({ MILVUS_HOST: '127.0.0.1', MILVUS_PORT: `${port}` });
    expectSentence(ended, ['Milvus', `127.0.0.1:${port}`, 'MILVUS_HOST']);
  });

  test('the port is in use', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const ended = await serve({ LLAMP_PORT: `${port}` });
    holder.close();
    expectSentence(ended, [`port ${port}`, 'in use', 'LLAMP_PORT']);
  });

  test('the port of the metrics is in use', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const ended = await serve({ LLAMP_METRICS_PORT: `${port}` });
    holder.close();
    expectSentence(ended, [`port ${port}`, 'in use', 'LLAMP_METRICS_PORT']);
  });
});

describe('OP-10 the data folder cannot be used', () => {
  test('another process works in it, and is named', async () => {
    const holder = await startReady({});
    const ended = await serve({});
    const commanded = await runLlamp(['keys', 'list'], { LLAMP_DATA_DIR: dataDirectory });
    await holder.stop();
    for (const refused of [ended, commanded])
      expectSentence(refused, [dataDirectory, `process ${holder.pid}`, 'LLAMP_DATA_DIR']);
  });

  test('it lies below a file', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    expectSentence(await serve({ LLAMP_DATA_DIR: join(file, 'data') }), [file, 'LLAMP_DATA_DIR']);
    expectSentence(await serve({ LLAMP_DATA_DIR: file }), [file, 'LLAMP_DATA_DIR']);
  });

  test.runIf(existsSync('/proc/self'))('it lies where nobody can make a folder', async () => {
    const ended = await serve({ LLAMP_DATA_DIR: '/proc/llamp/data' });
    expectSentence(ended, ['/proc/llamp', 'LLAMP_DATA_DIR']);
  });

  test('its file system is read-only', async (context) => {
    await using mounted = await mountTmpfs('read-only', 'ro');
    if (mounted.reason !== undefined) return context.skip(mounted.reason);
    for (const path of [mounted.path, join(mounted.path, 'data')])
      expectSentence(await serve({ LLAMP_DATA_DIR: path }), [path, 'LLAMP_DATA_DIR']);
  });

  test.for(['1m', '30m'])('its disk of %s is full', async (size, context) => {
    await using mounted = await mountTmpfs(`full-${size}`, `size=${size}`);
    if (mounted.reason !== undefined) return context.skip(mounted.reason);
    const ended = await serve({ LLAMP_DATA_DIR: mounted.path });
    expectSentence(ended, [mounted.path, 'full', 'LLAMP_DATA_DIR']);
  });
});

test('OP-10 without Redis the server starts, degraded, and warns', async () => {
  const port = await freePort();
  const server = await startReady({ REDIS_URL: `redis://:${SECRET}@127.0.0.1:${port}` });
  const ready = await fetch(`${server.url}/health/ready`);
  const health = (await (await fetch(`${server.url}/health`)).json()) as object;
  const ended = await server.stop();
  expect(ready.status).toBe(200);
  expect(health).toMatchObject({
    status: 'degraded',
    checks: expect.arrayContaining([
      expect.objectContaining({ name: 'ephemeral store', status: 'failed', required: false }),
    ]),
  });
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout).toMatch(/"log\.level":"warn".*[Rr]edis|[Rr]edis.*"log\.level":"warn"/);
  expect(ended.stdout).not.toContain(SECRET);
});

describeWithLegs('OP-10 the object store refuses the keys', ['minio'], ({ minio }) => {
  test.each([
    ['an unknown access key', 'nobody', SECRET],
    ['a wrong secret key', S3_TEST_CREDENTIALS.accessKey, SECRET],
  ])('%s', async (_, accessKey, secretKey) => {
    const ended = await serve({
      MINIO_ENDPOINT: minio,
      MINIO_ACCESS_KEY: accessKey,
      MINIO_SECRET_KEY: secretKey,
      MINIO_BUCKET: `llamp-test-${randomUUID()}`,
    });
    expectSentence(ended, ['object store', 'MINIO_ACCESS_KEY']);
  });
});

describeWithLegs('OP-6 schema of a served database', ['postgres'], ({ postgres }) => {
  test('an empty database waits for `llamp migrate`', async () => {
    await using database = await createTestDatabase(postgres);
    for (const args of [['serve'], ['keys', 'list']]) {
      const ended = await serve({ DATABASE_URL: database.url }, args);
      expectSentence(ended, ['schema', 'run `llamp migrate`']);
    }
  });

  test('a database of a newer release is refused, also by `migrate`', async () => {
    await using database = await createTestDatabase(postgres);
    const variables = { DATABASE_URL: database.url };
    expect(await serve(variables, ['migrate'])).toMatchObject({ code: 0, stderr: '' });
    await database.query(
      `insert into schema_migrations (version, name, checksum, applied_at)
       select max(version) + 1, 'from-the-future.sql', 'x', now() from schema_migrations`,
    );
    for (const args of [['serve'], ['migrate'], ['keys', 'list']]) {
      expectSentence(await serve(variables, args), ['schema', 'newer release']);
    }
  });

  test('a database that does not exist is named without its password', async () => {
    const url = new URL(postgres);
    url.password = SECRET;
    url.pathname = '/no_such_database';
    const ended = await serve({ DATABASE_URL: url.href });
    expectSentence(ended, ['PostgreSQL', 'no_such_database', 'DATABASE_URL']);
  });
});

describe('OP-5 configuration and usage', () => {
  test('all mistakes are told at once', async () => {
    const ended = await serve({
      LLAMP_PORT: 'eighty',
      LLAMP_PROT: '8000',
      DATABASE_URL: `mysql://llamp:${SECRET}@db/llamp`,
      MINIO_SECRET_KEY: SECRET,
      LLAMP_BOOTSTRAP_API_KEY_FILE: join(folder, 'missing'),
    });
    expect(ended.code).toBe(CONFIGURATION);
    expect(ended.stdout).toBe('');
    const [title, ...mistakes] = ended.stderr.trimEnd().split('\n');
    expect(title).toContain('5 mistake');
    for (const name of [
      'LLAMP_PORT',
      'LLAMP_PROT',
      'DATABASE_URL',
      'MINIO_SECRET_KEY',
      'LLAMP_BOOTSTRAP_API_KEY_FILE',
    ])
      expect(mistakes.filter((line) => line.includes(`  ${name} `))).toHaveLength(1);
    expect(ended.stderr).not.toContain(SECRET);
  });

  test.each([
    [['server']],
    [['keys', 'make']],
    [['serve', '--fast']],
    [['keys', 'create']],
    [['keys', 'create', '--name', 'x', '--scope', 'everything']],
    [['serve', 'now']],
  ])('%j is wrong usage', async (args) => {
    const ended = await runLlamp(args, { LLAMP_DATA_DIR: join(folder, 'untouched') });
    expect(ended.code).toBe(USAGE);
    expect(ended.stderr).not.toBe('');
    expect(ended.stderr).not.toMatch(STACK);
    expect(existsSync(join(folder, 'untouched'))).toBe(false);
  });

  test('every command has help', async () => {
    const asked = await helpOf([]);
    expect(asked.length).toBeGreaterThanOrEqual(12);
    for (const { path, ended } of asked) {
      expect(ended, path.join(' ')).toMatchObject({ code: 0, stderr: '' });
      expect(ended.stdout).toContain(`Usage: ${['llamp', ...path].join(' ')}`);
    }
  });
});

const STACK = /\n\s+at /;
const LIMIT_MS = 20_000;

type Variables = Readonly<Record<string, string>>;

async function serve(variables: Variables, args: readonly string[] = ['serve']): Promise<Ended> {
  return await runLlamp(args, { LLAMP_DATA_DIR: dataDirectory, LLAMP_PORT: '0', ...variables });
}

async function startReady(variables: Variables): Promise<LlampProcess & { url: string }> {
  const port = await freePort();
  const server = startLlamp(['serve'], {
    LLAMP_DATA_DIR: dataDirectory,
    LLAMP_PORT: `${port}`,
    ...variables,
  });
  await server.waitFor(/Llamp is ready/);
  return Object.assign(server, { url: `http://127.0.0.1:${port}` });
}

function expectSentence(ended: Ended, words: readonly string[]): void {
  expect(ended.code, ended.stdout + ended.stderr).toBe(1);
  expect(ended.stderr).toMatch(/^llamp: [^\n]+\n$/);
  expect(ended.stdout + ended.stderr).not.toMatch(STACK);
  expect(ended.stdout + ended.stderr).not.toContain(SECRET);
  for (const word of words) expect(ended.stderr).toContain(word);
  // A machine that is busy with something else gets as much more time as it has work.
  const crowd = Math.max(1, loadavg()[0] ?? 1) / availableParallelism();
  expect(ended.durationMs).toBeLessThan(LIMIT_MS * Math.max(1, crowd));
}

async function mountTmpfs(name: string, options: string) {
  const path = join(folder, name);
  await mkdir(path, { recursive: true });
  try {
    await run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]);
  } catch (error) {
    const reason = `this machine mounts no tmpfs: ${(error as Error).message}`;
    return { path, reason, [Symbol.asyncDispose]: async () => undefined };
  }
  const unmount = async () => void (await run('umount', [path]));
  return { path, reason: undefined, [Symbol.asyncDispose]: unmount };
}

/** `--help` of a command and of every command below it, which the help itself names. */
async function helpOf(
  path: readonly string[],
): Promise<{ path: readonly string[]; ended: Ended }[]> {
  const ended = await runLlamp([...path, '--help'], { LLAMP_PORT: 'wrong, and no matter' });
  const listed = /\nCommands:\n([\s\S]*)$/.exec(ended.stdout)?.[1] ?? '';
  const names = [...listed.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map((match) => match[1] ?? '');
  const below = [];
  for (const name of names.filter((each) => each !== 'help'))
    below.push(...(await helpOf([...path, name])));
  return [{ path, ended }, ...below];
}
