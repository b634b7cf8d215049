import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../adapters/clock/system.ts';
import { jobQueueSchemaStep } from '../../../adapters/job-queue/pg-boss-schema.ts';
import { silentLog } from '../../../lib/log.ts';
import type { Database } from '../../../ports/database.ts';
import { type FreshDatabase, freshPglite } from '../../../../test/support/fresh-databases.ts';
import { migrate } from '../migration/index.ts';
import { BLOB_REFERENCES, KEPT_TABLES, SKIPPED_SCHEMAS, SKIPPED_TABLES } from './catalogue.ts';

let fresh: FreshDatabase;
let database: Database;

beforeAll(async () => {
  fresh = await freshPglite();
  database = await fresh.open();
  await migrate(database, {
    directory: 'migrations',
    clock: systemClock,
    log: silentLog,
    extensions: [jobQueueSchemaStep],
  });
});

afterAll(async () => {
  await database?.close();
  await fresh?.dispose();
});

const names = async (sql: string) => {
  const { rows } = await database.execute<{ name: string }>({ sql, parameters: [] });
  return rows.map(({ name }) => name);
};
const kept = KEPT_TABLES.map(({ table }) => table);

test('OP-8 every table of the schema belongs to the backup of a domain, or is skipped for a reason', async () => {
  const tables = await names(`select n.nspname || '.' || c.relname as name from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and not c.relispartition
      and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1`);
  const ours = tables.filter((name) => !SKIPPED_SCHEMAS.includes(name.split('.')[0] ?? ''));
  const declared = new Set([...kept, ...Object.keys(SKIPPED_TABLES)]);
  const missing = ours
    .map((name) => name.replace('public.', ''))
    .filter((name) => !declared.has(name));
  expect(missing, 'name the table in the backup.ts of its domain, as kept or as skipped').toEqual(
    [],
  );
  const present = new Set(ours.map((name) => name.replace('public.', '')));
  expect(
    kept.filter((name) => !present.has(name)),
    'no longer in the schema',
  ).toEqual([]);
});

test('rows can be put back in the order of the declarations', async () => {
  const references =
    await names(`select conrelid::regclass::text || '>' || confrelid::regclass::text as name
    from pg_constraint where contype = 'f' and conrelid <> confrelid and conparentid = 0`);
  const backwards = references.filter((name) => {
    const [from = '', to = ''] = name.split('>');
    return kept.includes(from) && kept.indexOf(to) > kept.indexOf(from);
  });
  expect(backwards).toEqual([]);
  const lost = references.filter((name) => {
    const [from = '', to = ''] = name.split('>');
    return kept.includes(from) && to in SKIPPED_TABLES;
  });
  expect(lost, 'kept rows would refer to skipped ones').toEqual([]);
});

test('every column that is called a blob key is one that the backup follows', async () => {
  const columns =
    await names(`select c.table_name || '.' || c.column_name as name from information_schema.columns c
    where c.table_schema = 'public' and c.column_name like '%blob_key'`);
  const followed = new Set(BLOB_REFERENCES.map(({ table, column }) => `${table}.${column}`));
  const unknown = columns.filter(
    (name) => !followed.has(name) && !((name.split('.')[0] ?? '') in SKIPPED_TABLES),
  );
  expect(unknown).toEqual([]);
});
