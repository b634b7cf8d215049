import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { openApplication } from '../../src/application.ts';
import { loadConfig } from '../../src/config/load.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/lib/metrics.ts';
import { migrateDatabase, openStores, type Stores } from '../../src/runtime.ts';
import { temporaryFolder } from './database-template.ts';
import { newFirstApiKey } from './servers/first-api-key.ts';

/** A database of a server; without an address the embedded one is meant. */
export interface ServedDatabase {
  readonly url?: string;
  dispose?(): Promise<void>;
}

export interface OpenedApplication {
  readonly url: string;
  /** With every scope. */
  readonly apiKey: string;
  readonly stores: Stores;
  close(): Promise<void>;
}

/** The whole application in this process, listening, on a database and a folder of its own. */
export async function openedApplication(
  name: string,
  { url: databaseUrl, dispose }: ServedDatabase,
  variables: Readonly<Record<string, string>> = {},
): Promise<OpenedApplication> {
  const folder = temporaryFolder(name);
  const apiKey = newFirstApiKey();
  const config = loadConfig({
    LLAMP_DATA_DIR: folder,
    LLAMP_PORT: '0',
    LLAMP_WORKERS: '0',
    LLAMP_BOOTSTRAP_API_KEY: apiKey,
    LLAMP_SECRET_KEY: randomBytes(32).toString('base64'),
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...variables,
  });
  const context = { config, log: silentLog, clock: systemClock, metrics: createMetrics() };
  if (databaseUrl !== undefined) await migrateDatabase(context);
  const stores = await openStores(context, 'server');
  const application = await openApplication(stores, context, '1');
  const { url } = await application.listen();
  return {
    url,
    apiKey,
    stores,
    close: async () => {
      await application.drain.drain();
      await dispose?.();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A call with a JSON body, or none. */
export async function callJson(
  url: string,
  { method, credential, body }: { method: string; credential?: string; body?: unknown },
): Promise<{ status: number; text: string }> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
}
