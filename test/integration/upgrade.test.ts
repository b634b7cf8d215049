import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { openPgliteDatabase } from '../../src/adapters/database/pglite.ts';
import { jobQueueSchemaStep } from '../../src/adapters/job-queue/pg-boss-schema.ts';
import { loadConfig } from '../../src/config/load.ts';
import { bootstrap, createPasswordHasher } from '../../src/domains/identity/index.ts';
import { migrate, schemaStatus } from '../../src/domains/ops/migration/index.ts';
import { generateApiKey } from '../../src/lib/api-key.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Database } from '../../src/ports/database.ts';
import { createContext, migrateDatabase, openStores } from '../../src/runtime.ts';
import { databaseTemplate, temporaryFolder } from '../support/database-template.ts';

const FILES = fs.readdirSync('migrations').filter((name) => name.endsWith('.sql'));
const LATEST = FILES.length;
const folder = temporaryFolder('upgrade');
const olderRelease = join(folder, 'migrations');
let count = 0;
let dataDirectory = '';

fs.mkdirSync(olderRelease);
for (const name of FILES.sort().slice(0, -1))
  fs.copyFileSync(join('migrations', name), join(olderRelease, name));

beforeEach(() => {
  count += 1;
  dataDirectory = join(folder, `data-${count}`);
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

describe('OP-6 an embedded installation of an older release', () => {
  test('is copied before it is migrated, and then goes on with its contents', async () => {
    const installationId = await install(olderRelease);
    await startAndStop();

    const [copy, ...others] = backups();
    expect(others).toEqual([]);
    expect(copy).toMatch(new RegExp(`^pre-migration-${LATEST - 1}-\\d{8}T\\d{6}Z$`));
    expect(await contents(join(dataDirectory, 'backups', String(copy)))).toEqual({
      version: LATEST - 1,
      installationId,
    });
    expect(await contents(join(dataDirectory, 'database'))).toEqual({
      version: LATEST,
      installationId,
    });
  });

  test('a copy put back in place can be started by the newer release again', async () => {
    const installationId = await install(olderRelease);
    await startAndStop();
    const [copy] = backups();
    fs.rmSync(join(dataDirectory, 'database'), { recursive: true });
    fs.cpSync(join(dataDirectory, 'backups', String(copy)), join(dataDirectory, 'database'), {
      recursive: true,
    });
    await startAndStop();
    expect(await contents(join(dataDirectory, 'database'))).toEqual({
      version: LATEST,
      installationId,
    });
  });

  test('is copied by `migrate` too', async () => {
    await install(olderRelease);
    const result = await migrateDatabase(context());
    expect(result).toMatchObject({ from: LATEST - 1, to: LATEST });
    expect(backups()).toHaveLength(1);
  });

  test('is not copied again by later starts', async () => {
    await install(olderRelease);
    await startAndStop();
    const first = backups();
    await startAndStop();
    expect(backups()).toEqual(first);
  });
});

test('OP-6 an installation of this release and a new one need no copy', async () => {
  await install('migrations');
  await startAndStop();
  expect(backups()).toEqual([]);

  dataDirectory = join(folder, 'new');
  await startAndStop();
  expect(backups()).toEqual([]);
});

test('OP-6 a migration that fails changes nothing, and the next start tries again', async () => {
  const installationId = await install(olderRelease);
  const broken = join(folder, 'broken');
  fs.cpSync(olderRelease, broken, { recursive: true });
  fs.writeFileSync(
    join(broken, `${String(LATEST).padStart(4, '0')}-broken.sql`),
    'create table half_done (id int);\nselect from nowhere;\n',
  );
  const database = await openDatabase(join(dataDirectory, 'database'));
  const migrating = migrate(database, { directory: broken, clock: systemClock, log: silentLog });
  await expect(migrating).rejects.toThrow('nowhere');
  const { rows } = await database.execute<{ found: string | null }>({
    sql: "select to_regclass('half_done') as found",
    parameters: [],
  });
  await database.close();
  expect(rows).toEqual([{ found: null }]);

  await startAndStop();
  expect(await contents(join(dataDirectory, 'database'))).toEqual({
    version: LATEST,
    installationId,
  });
});

const context = () => createContext(loadConfig({ LLAMP_DATA_DIR: dataDirectory }), silentLog);

/** What a release with these migrations has left behind. */
async function install(migrations: string): Promise<string> {
  fs.mkdirSync(dataDirectory, { recursive: true });
  const database = await openDatabase(join(dataDirectory, 'database'));
  const extensions = [jobQueueSchemaStep];
  const log = silentLog;
  await migrate(database, { directory: migrations, clock: systemClock, log, extensions });
  const { installationId } = await bootstrap(
    { database, clock: systemClock, passwords: createPasswordHasher() },
    { adminEmail: undefined, adminPassword: undefined, apiKey: generateApiKey() },
  );
  await database.close();
  return installationId;
}

async function startAndStop(): Promise<void> {
  const stores = await openStores(context(), 'server');
  await stores.close();
}

function backups(): string[] {
  const directory = join(dataDirectory, 'backups');
  return fs.existsSync(directory) ? fs.readdirSync(directory) : [];
}

async function contents(directory: string) {
  const database = await openDatabase(directory);
  const { current: version } = await schemaStatus(database, 'migrations');
  const { rows } = await database.execute<{ id: string }>({
    sql: 'select id from installation limit 2',
    parameters: [],
  });
  await database.close();
  return { version, installationId: rows.map(({ id }) => id).join() };
}

async function openDatabase(directory: string): Promise<Database> {
  const templateDirectory = await databaseTemplate();
  return await openPgliteDatabase({ directory, templateDirectory, log: silentLog });
}
