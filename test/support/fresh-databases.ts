import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openPgliteDatabase } from '../../src/adapters/database/pglite.ts';
import { openPostgresDatabase } from '../../src/adapters/database/postgres.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Database } from '../../src/ports/database.ts';
import { databaseTemplate, temporaryFolder } from './database-template.ts';

export interface FreshDatabase {
  /** Of a server; undefined for an embedded database. */
  readonly url?: string;
  /** Connects to the database that was made for this test. */
  open(): Promise<Database>;
  readonly sessions: number;
  dispose(): Promise<void>;
}

const SESSIONS = 4;

/** A new database on a PostgreSQL server, dropped at the end. */
export async function freshPostgres(serverUrl: string): Promise<FreshDatabase> {
  const admin = await openPostgresDatabase({ url: serverUrl, poolMax: 1, log: silentLog });
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await admin.execute({ sql: `create database ${name}`, parameters: [] });
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    sessions: SESSIONS,
    open: () => openPostgresDatabase({ url: url.href, poolMax: SESSIONS, log: silentLog }),
    dispose: async () => {
      await admin.execute({ sql: `drop database ${name} with (force)`, parameters: [] });
      await admin.close();
    },
  };
}

/** Embedded databases in a temporary folder; each call of `open` makes another one. */
export async function freshPglite(): Promise<FreshDatabase> {
  const folder = temporaryFolder('database');
  const templateDirectory = await databaseTemplate();
  let opened = 0;
  return {
    sessions: 1,
    open: () => {
      // Two engines in one folder would destroy it.
      const directory = join(folder, `db-${opened++}`);
      return openPgliteDatabase({ directory, templateDirectory, log: silentLog });
    },
    dispose: async () => rmSync(folder, { recursive: true, force: true }),
  };
}
