import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DurableNodeFs } from '../../src/adapters/database/durable-node-fs.ts';
import { prepareCluster } from '../../src/adapters/database/pglite-cluster.ts';
import { PgliteEngine } from '../../src/adapters/database/pglite-engine.ts';
import { Housekeeping } from '../../src/adapters/database/pglite-housekeeping.ts';
import { databaseTemplate, temporaryFolder } from '../support/database-template.ts';

let folder = '';

beforeEach(async () => {
  folder = temporaryFolder('engine');
  await prepareCluster(join(folder, 'db'), await databaseTemplate());
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

const open = () =>
  PgliteEngine.open({
    directory: join(folder, 'db'),
    onFailure: (error) => {
      throw error;
    },
  });

test('an engine whose commits do not reach the disk is refused', async () => {
  vi.spyOn(DurableNodeFs.prototype, 'syncCount', 'get').mockReturnValue(7);
  await expect(open()).rejects.toThrow('does not sync its commits to disk');
});

test('every commit syncs, and a read does not', async () => {
  const counts = vi.spyOn(DurableNodeFs.prototype, 'syncCount', 'get');
  const engine = await open();
  const files = counts.mock.contexts[0] as DurableNodeFs;
  counts.mockRestore();
  await engine.run({ sql: 'create table t (id int)', parameters: [] });
  const before = files.syncCount;
  for (let id = 0; id < 10; id += 1)
    await engine.run({ sql: 'insert into t values ($1)', parameters: [String(id)] });
  expect(files.syncCount - before).toBeGreaterThanOrEqual(10);
  const written = files.syncCount;
  await engine.run({ sql: 'select * from t', parameters: [] });
  expect(files.syncCount).toBe(written);
  await engine.close();
});

test('housekeeping checkpoints by the amount of log and vacuums what needs it', async () => {
  const engine = await open();
  const run = async (sql: string) => (await engine.run({ sql, parameters: [] })).rows[0];
  const redo = async () => await run('select redo_lsn::text as lsn from pg_control_checkpoint()');
  const units: (() => Promise<void>)[] = [];
  const housekeeping = new Housekeeping({
    engine,
    enqueue: (work) => units.push(work),
    isIdle: () => true,
    onError: (error) => {
      throw error;
    },
  });
  await run('create table bulky (id int, filler text)');
  await housekeeping.checkpointIfDue();
  const first = await redo();
  await run("insert into bulky select g, repeat('x', 300) from generate_series(1, 1000) g");
  await housekeeping.checkpointIfDue();
  expect(await redo()).toEqual(first);
  await run("insert into bulky select g, repeat('x', 300) from generate_series(1, 200000) g");
  await housekeeping.checkpointIfDue();
  expect(await redo()).not.toEqual(first);

  await run('delete from bulky where id % 2 = 0');
  expect(await housekeeping.vacuumTablesInNeed()).toEqual(['public.bulky']);
  for (const unit of units) await unit();
  expect(
    await run("select n_dead_tup as dead from pg_stat_user_tables where relname = 'bulky'"),
  ).toEqual({ dead: 0 });
  expect(await housekeeping.vacuumTablesInNeed()).toEqual([]);
  await engine.close();
});
