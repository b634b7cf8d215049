import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { openPostgresDatabase } from '../../src/adapters/database/postgres.ts';
import { migrate } from '../../src/domains/ops/migration/index.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Database } from '../../src/ports/database.ts';
import { type FreshDatabase, freshPglite, freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';
import { insertProjectRows, PROJECTS } from '../support/project-rows.ts';

describe('PGlite', () => specifyRowLevelSecurity(freshPglite));
describeWithLegs('PostgreSQL', ['postgres'], (addresses) => {
  specifyRowLevelSecurity(() => freshPostgres(addresses.postgres));
  describe('with fewer rights', () => specifyLesserOwners(addresses.postgres));
});

// They hold hashes of credentials.
const CLOSED = ['api_keys', 'invitations'];

interface ProtectedTable {
  readonly name: string;
  readonly is_partition: boolean;
  readonly is_readable: boolean;
  readonly policies: string[];
}

function specifyRowLevelSecurity(fresh: () => Promise<FreshDatabase>): void {
  let fixture: FreshDatabase;
  let database: Database;
  let tables: ProtectedTable[];

  beforeAll(async () => {
    fixture = await fresh();
    database = await fixture.open();
    await migrate(database, { directory: 'migrations', clock: systemClock, log: silentLog });
    await insertProjectRows(database);
    tables = await tablesWithProject(database);
  });

  afterAll(async () => {
    await database?.close();
    await fixture?.dispose();
  });

  test('ID-2 every table with project_id has the policy; call protect_project_rows for a new one', () => {
    expect(tables.length).toBeGreaterThan(10);
    for (const { name, is_partition: isPartition, is_readable: isReadable, policies } of tables) {
      // Partitions are reached through their table alone.
      const expected = isPartition
        ? []
        : ["(project_id = current_setting('llamp.project_id'::text, true))"];
      expect({ name, isReadable, policies }).toEqual({
        name,
        isReadable: !isPartition && !CLOSED.includes(name),
        policies: expected,
      });
    }
  });

  test('ID-2 without the first wall no table shows a row of another project', async () => {
    for (const { name, is_partition: isPartition } of tables) {
      if (isPartition || CLOSED.includes(name)) continue;
      const everything = { sql: `select project_id from ${name}`, parameters: [] };
      const all = await database.execute<{ project_id: string }>(everything);
      const found = new Set(all.rows.map((row) => row.project_id));
      expect(found, `add rows of ${name} to test/support/project-rows.ts`).toEqual(
        new Set(PROJECTS),
      );
      for (const project of PROJECTS) {
        const { rows } = await database.forProject(project).execute(everything);
        expect({ name, rows }).toEqual({ name, rows: [{ project_id: project }] });
      }
      expect((await database.forProject('proj_3').execute(everything)).rows).toEqual([]);
    }
  });

  test('ID-2 partitions and everything else are closed', async () => {
    const project = database.forProject('proj_1');
    const partitions = tables.filter((table) => table.is_partition).map(({ name }) => name);
    expect(partitions).toContain('usage_records_default');
    for (const name of [
      ...partitions,
      ...CLOSED,
      'users',
      'organizations',
      'projects',
      'providers',
    ]) {
      const read = project.execute({ sql: `select * from ${name}`, parameters: [] });
      await expect(read, name).rejects.toMatchObject({ sqlState: '42501' });
    }
  });
}

async function tablesWithProject(database: Database): Promise<ProtectedTable[]> {
  const { rows } = await database.execute<ProtectedTable>({
    sql: `select c.relname as name, c.relispartition as is_partition,
        has_table_privilege('llamp_app', c.oid, 'select') as is_readable,
        array(select p.qual from pg_policies p where c.relrowsecurity and p.tablename = c.relname
          and p.schemaname = current_schema() and p.roles = '{llamp_app}') as policies
      from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id' and not a.attisdropped
      where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') order by 1`,
    parameters: [],
  });
  return rows;
}

/** Whoever owns the tables is not always the administrator of the server. */
function specifyLesserOwners(serverUrl: string): void {
  const admin = () => openPostgresDatabase({ url: serverUrl, poolMax: 1, log: silentLog });

  async function asOwner(rights: string, work: (owner: string, own: Database) => Promise<void>) {
    const owner = `owner_${randomUUID().replaceAll('-', '')}`;
    const server = await admin();
    await server.executeScript(`create role ${owner} login ${rights}`);
    await server.execute({ sql: `create database ${owner} owner ${owner}`, parameters: [] });
    const url = Object.assign(new URL(serverUrl), { username: owner, pathname: `/${owner}` });
    const own = await openPostgresDatabase({ url: url.href, poolMax: 2, log: silentLog });
    try {
      await work(owner, own);
    } finally {
      await own.close();
      await server.execute({ sql: `drop database ${owner} with (force)`, parameters: [] });
      await server.executeScript(`drop role ${owner}`);
      await server.close();
    }
  }

  const migrated = (own: Database) =>
    migrate(own, { directory: 'migrations', clock: systemClock, log: silentLog });

  async function expectWall(own: Database) {
    await insertProjectRows(own);
    const files = { sql: 'select project_id from files', parameters: [] };
    const { rows } = await own.forProject('proj_1').execute(files);
    expect(rows).toEqual([{ project_id: 'proj_1' }]);
  }

  test('ID-2 an owner that may create roles needs no help where the role is its own', async () => {
    await asOwner('createrole', async (_owner, own) => {
      const server = await admin();
      // Another database of the server may have made the role, and given it to nobody.
      const exists = await roleExists(server);
      await server.close();
      // Since PostgreSQL 16 only whoever was given a role, or made it, may pass it on.
      if (exists && own.serverVersion >= 160_000)
        return void (await expect(migrated(own)).rejects.toThrow(/GRANT llamp_app TO/));
      await migrated(own);
      await expectWall(own);
    });
  });

  test('ID-2 an owner that may not is told what an administrator has to run, and then goes on', async () => {
    await asOwner('', async (owner, own) => {
      await expect(migrated(own)).rejects.toThrow(
        new RegExp(`administrator, run .*GRANT llamp_app TO "${owner}"; and migrate again`),
      );
      const server = await admin();
      if (!(await roleExists(server))) await server.executeScript('create role llamp_app nologin');
      await server.executeScript(`grant llamp_app to ${owner}`);
      await server.close();
      await migrated(own);
      await expectWall(own);
    });
  });

  test('ID-2 servers that do not own the tables see everything, and one project when bound to it', async () => {
    const fixture = await freshPostgres(serverUrl);
    const owner = await fixture.open();
    await migrated(owner);
    await insertProjectRows(owner);
    const name = `server_${randomUUID().replaceAll('-', '')}`;
    await owner.executeScript(`create role ${name} login bypassrls in role llamp_app;
      grant select on files to ${name}`);
    const database = await nameOf(owner);
    const url = Object.assign(new URL(serverUrl), { username: name, pathname: `/${database}` });
    const server = await openPostgresDatabase({ url: url.href, poolMax: 2, log: silentLog });
    const files = { sql: 'select project_id from files order by 1', parameters: [] };
    const all = PROJECTS.map((id) => ({ project_id: id }));
    expect((await server.execute(files)).rows).toEqual(all);
    expect((await server.forProject('proj_2').execute(files)).rows).toEqual(all.slice(1));
    await server.close();
    await owner.executeScript(`drop owned by ${name}; drop role ${name}`);
    await owner.close();
    await fixture.dispose();
  });
}

async function roleExists(server: Database): Promise<boolean> {
  const sql = `select 1 from pg_roles where rolname = 'llamp_app'`;
  return (await server.execute({ sql, parameters: [] })).rows.length > 0;
}

async function nameOf(database: Database): Promise<string> {
  const sql = 'select current_database() as name';
  const { rows } = await database.execute<{ name: string }>({ sql, parameters: [] });
  return rows[0]?.name ?? '';
}
