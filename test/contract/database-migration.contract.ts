import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import {
  migrate,
  requireCurrentSchema,
  type SchemaExtension,
  schemaStatus,
} from '../../src/domains/ops/migration/index.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Database } from '../../src/ports/database.ts';
import { temporaryFolder } from '../support/database-template.ts';
import type { DatabaseFixture } from './database.contract.ts';

const EMPTY = 'drop schema public cascade; create schema public';

/** Migrations on a real engine. */
export function describeMigrations(
  name: string,
  createFixture: () => Promise<DatabaseFixture>,
): void {
  describe(`migrations: ${name}`, () => {
    let directory = '';
    let fixture: DatabaseFixture | undefined;
    let database: Database | undefined;

    beforeAll(async () => {
      fixture = await createFixture();
      database = await fixture.open();
      directory = temporaryFolder('migrations');
    });

    beforeEach(async () => {
      await database?.executeScript(EMPTY);
      for (const fileName of fs.readdirSync(directory)) fs.rmSync(join(directory, fileName));
      write('0001-first.sql', 'create table first (id int); insert into first values (1);');
      write('0002-second.sql', 'alter table first add column n int;');
    });

    afterAll(async () => {
      await database?.close();
      await fixture?.dispose();
      fs.rmSync(directory, { recursive: true, force: true });
    });

    const write = (fileName: string, sql: string) =>
      fs.writeFileSync(join(directory, fileName), sql);
    const context = () => {
      if (database === undefined || fixture === undefined) throw new Error('not opened');
      return { database, fixture, directory, write };
    };
    specifyOrder(context);
    specifyRefusals(context);
    specifyExtensions(context);
    specifyRunners(context);
  });
}

type Context = () => {
  database: Database;
  fixture: DatabaseFixture;
  directory: string;
  write: (fileName: string, sql: string) => void;
};

const run = (database: Database, directory: string, extensions?: SchemaExtension[]) =>
  migrate(database, { directory, clock: systemClock, log: silentLog, extensions });

function specifyOrder(context: Context): void {
  test('apply what is missing, in order, once', async () => {
    const { database, directory, write } = context();
    expect(await schemaStatus(database, directory)).toEqual({
      current: 0,
      expected: 2,
      pending: ['0001-first.sql', '0002-second.sql'],
      unknown: [],
    });
    expect(await run(database, directory)).toEqual({
      from: 0,
      to: 2,
      applied: ['0001-first.sql', '0002-second.sql'],
    });
    write('0003-third.sql', 'create table third (id int)');
    expect((await run(database, directory)).applied).toEqual(['0003-third.sql']);
    expect(await run(database, directory)).toEqual({ from: 3, to: 3, applied: [] });
    await requireCurrentSchema(database, directory);
  });

  test('leave nothing of a file that fails, and go on from there', async () => {
    const { database, directory, write } = context();
    write('0002-second.sql', 'create table half (id int); select 1/0;');
    await expect(run(database, directory)).rejects.toMatchObject({ sqlState: '22012' });
    expect((await schemaStatus(database, directory)).current).toBe(1);
    write('0002-second.sql', 'create table half (id int);');
    expect((await run(database, directory)).applied).toEqual(['0002-second.sql']);
  });
}

function specifyRefusals(context: Context): void {
  test('refuse a changed file, a missing one and a newer database by name', async () => {
    const { database, directory, write } = context();
    await expect(requireCurrentSchema(database, directory)).rejects.toThrow(
      'the database is at schema 0 and this release needs 2: run `llamp migrate`',
    );
    await run(database, directory);

    write('0002-second.sql', 'alter table first add column m int;');
    const changed = { code: 'migration_changed', message: expect.stringContaining('0002-second') };
    await expect(run(database, directory)).rejects.toMatchObject(changed);
    await expect(requireCurrentSchema(database, directory)).rejects.toMatchObject(changed);

    fs.rmSync(join(directory, '0002-second.sql'));
    expect((await schemaStatus(database, directory)).unknown).toEqual([2]);
    const newer =
      'the database is at schema 2 and this release knows 1: start a newer release or restore a backup';
    await expect(run(database, directory)).rejects.toThrow(newer);
    await expect(requireCurrentSchema(database, directory)).rejects.toThrow(newer);

    write('0003-third.sql', 'select 1');
    await expect(run(database, directory)).rejects.toThrow(
      `migration 2 is missing in ${directory}`,
    );
  });
}

function specifyExtensions(context: Context): void {
  test('apply an extension once per version', async () => {
    const { database, directory } = context();
    let version = 4;
    let calls = 0;
    const extension: SchemaExtension = {
      name: 'job queue',
      version: () => version,
      apply: async (target) => {
        calls += 1;
        await target.executeScript(`create schema if not exists queue_${version}`);
      },
    };
    await run(database, directory);
    await expect(requireCurrentSchema(database, directory, [extension])).rejects.toThrow(
      'the schema of the job queue is at version 0 and this release needs 4',
    );
    expect((await run(database, directory, [extension])).applied).toEqual(['job queue']);
    expect((await run(database, directory, [extension])).applied).toEqual([]);
    await requireCurrentSchema(database, directory, [extension]);
    version = 3;
    await expect(run(database, directory, [extension])).rejects.toMatchObject({
      code: 'schema_newer',
    });
    expect(calls).toBe(1);
  });
}

function specifyRunners(context: Context): void {
  test('ten runners at once do the work once', async () => {
    const { database, fixture, directory } = context();
    const isShared = database.capabilities.concurrentSessions;
    const others = await Promise.all(
      Array.from({ length: isShared ? 9 : 0 }, () => fixture.open()),
    );
    try {
      // The embedded engine belongs to one process, whose calls are already in line.
      const runners = [database, ...others];
      const results = await Promise.all(runners.map((runner) => run(runner, directory)));
      expect(results.flatMap((result) => result.applied)).toHaveLength(2);
      expect(results.every((result) => result.to === 2)).toBe(true);
      const { rows } = await database.execute({ sql: 'select id from first', parameters: [] });
      expect(rows).toEqual([{ id: 1 }]);
    } finally {
      await Promise.all(others.map((other) => other.close()));
    }
  });

  test('the migrations of this repository apply', async () => {
    const { database } = context();
    const repository = new URL('../../migrations', import.meta.url).pathname;
    const { to, applied } = await run(database, repository);
    expect(applied).toHaveLength(to);
    await requireCurrentSchema(database, repository);
  });
}
