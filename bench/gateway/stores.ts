import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { runAppCommand } from '../../test/support/servers/app-process.ts';
import { postgresServer } from '../../test/support/servers/postgres.ts';
import { redisServer } from '../../test/support/servers/redis.ts';
import type { TestServer } from '../../test/support/servers/test-server.ts';

/** The servers of the full shape. */
export interface Stores {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  stop(): Promise<void>;
}

/** Where one start of Llamp keeps its records. */
export interface Ledger {
  readonly environment: Readonly<Record<string, string>>;
  countRows(): Promise<number>;
  drop(): Promise<void>;
}

/** Servers that were named, or else those of this machine; undefined when one is not installed. */
export async function openStores(
  named: { databaseUrl: string | undefined; redisUrl: string | undefined },
  directory: string,
): Promise<Stores | undefined> {
  const postgres = await opened(postgresServer, named.databaseUrl, join(directory, 'postgres'));
  const redis = await opened(redisServer, named.redisUrl, join(directory, 'redis'));
  const stop = async () => {
    await postgres?.stop();
    await redis?.stop();
  };
  if (postgres !== undefined && redis !== undefined)
    return { databaseUrl: postgres.address, redisUrl: redis.address, stop };
  await stop();
  return undefined;
}

async function opened(server: TestServer, address: string | undefined, directory: string) {
  if (address !== undefined) return { address, stop: async () => undefined };
  const found = await server.find();
  if ('missing' in found) return undefined;
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o711);
  return server.start({ path: found.path, directory });
}

/** A database of its own, with the schema in it. */
export async function ledger(stores: Stores, directory: string): Promise<Ledger> {
  const name = `bench_${process.pid}_${Math.round(performance.now())}`;
  await query(stores.databaseUrl, `create database ${name}`);
  const url = new URL(stores.databaseUrl);
  url.pathname = `/${name}`;
  const environment = { DATABASE_URL: url.href, REDIS_URL: stores.redisUrl };
  await runAppCommand(['migrate'], { ...environment, LLAMP_DATA_DIR: join(directory, 'migrate') });
  return {
    environment,
    countRows: async () => {
      const [row] = await query(url.href, 'select count(*)::integer as rows from usage_records');
      return row?.['rows'] as number;
    },
    drop: async () => {
      await query(stores.databaseUrl, `drop database ${name} with (force)`);
    },
  };
}

async function query(connectionString: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
