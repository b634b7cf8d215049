import { describe, expect, test } from 'vitest';
import type { DatabaseContext } from './database.contract.ts';

const BYTES = Uint8Array.from([0, 1, 127, 128, 255]);

/** [SQL type, parameter, value that comes back] */
const ROUND_TRIPS: readonly (readonly [type: string, sent: unknown, received: unknown])[] = [
  ['int2', 32_767, 32_767],
  ['int4', -2_147_483_648, -2_147_483_648],
  ['int8', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ['int8', -7n, -7],
  ['float8', 0.1, 0.1],
  ['numeric', '12345678901234567890.123', '12345678901234567890.123'],
  ['bool', true, true],
  ['text', 'naïve 文字 \\ " \' {}', 'naïve 文字 \\ " \' {}'],
  ['text', '', ''],
  ['text', 42, '42'],
  ['timestamptz', new Date('2026-02-03T04:05:06.789Z'), new Date('2026-02-03T04:05:06.789Z')],
  ['timestamptz', '2026-02-03 04:05:06+05:30', new Date('2026-02-02T22:35:06Z')],
  ['date', '2026-02-03', '2026-02-03'],
  ['bytea', BYTES, BYTES],
  ['bytea', new Uint8Array(), new Uint8Array()],
  ['bytea', Buffer.from('in the pool'), Uint8Array.from(Buffer.from('in the pool'))],
  ['jsonb', { a: [1, null, 'x'], b: { c: true } }, { a: [1, null, 'x'], b: { c: true } }],
  ['jsonb', '[1, "two"]', [1, 'two']],
  ['jsonb', '"text"', 'text'],
  ['json', { kept: 'order' }, { kept: 'order' }],
  ['uuid', '7e37fe2c-6f6b-4f4c-8a39-2c1f0c2d4e5f', '7e37fe2c-6f6b-4f4c-8a39-2c1f0c2d4e5f'],
  ['text[]', ['a', null, 'NULL', 'q"\\,{}', ''], ['a', null, 'NULL', 'q"\\,{}', '']],
  [
    'int4[]',
    [
      [1, 2],
      [3, 4],
    ],
    [
      [1, 2],
      [3, 4],
    ],
  ],
  ['int8[]', [], []],
  ['bool[]', [true, false], [true, false]],
  ['bytea[]', [BYTES, null], [BYTES, null]],
  ['jsonb[]', [{ a: '"' }, { b: 2 }], [{ a: '"' }, { b: 2 }]],
  ['timestamptz[]', [new Date(0)], [new Date(0)]],
  ['text', null, null],
  ['int4', undefined, null],
];

export function specifyValues(current: () => DatabaseContext): void {
  describe('values', () => {
    test.each(ROUND_TRIPS)('%s: %o comes back as %o', async (type, sent, received) => {
      const { rows } = await current().run<{ value: unknown }>(`select $1::${type} as value`, sent);
      expect(rows).toEqual([{ value: received }]);
    });

    test('an int8 without an exact number is an error, and the session goes on', async () => {
      const { run } = current();
      await expect(run('select 9007199254740993::int8 as value')).rejects.toThrow(/2\^53/);
      expect((await run('select 1 as value')).rows).toEqual([{ value: 1 }]);
    });

    test('the server says which version it is', () => {
      expect(current().database.serverVersion).toBeGreaterThanOrEqual(150_000);
    });
  });
  specifyResults(current);
  specifyErrors(current);
}

function specifyResults(current: () => DatabaseContext): void {
  describe('results', () => {
    test('count changed rows, not read ones', async () => {
      const { run } = current();
      await run('create table counted (id int primary key, n int)');
      const inserted = await run('insert into counted select g, 0 from generate_series(1, 3) g');
      expect(inserted.affectedRows).toBe(3);
      expect((await run('update counted set n = 1 where id > $1', 1)).affectedRows).toBe(2);
      expect((await run('delete from counted where id = 9')).affectedRows).toBe(0);
      expect((await run('select * from counted')).affectedRows).toBe(0);
      const returned = await run('delete from counted where id = $1 returning id, n', 3);
      expect(returned).toEqual({ rows: [{ id: 3, n: 1 }], affectedRows: 1 });
    });

    test('of a text of several statements are joined', async () => {
      const { run } = current();
      const result = await run(`
        begin;
        create table joined (id int);
        insert into joined values (1), (2) returning id;
        commit;
        select id + 10 as id from joined order by id;`);
      expect(result.rows).toEqual([{ id: 1 }, { id: 2 }, { id: 11 }, { id: 12 }]);
      expect(result.affectedRows).toBe(2);
    });

    test('a text of several statements without its own begin is one transaction', async () => {
      const { database, run } = current();
      const script = 'create table half (id int); insert into half values (1); select 1/0';
      await expect(database.executeScript(script)).rejects.toMatchObject({ sqlState: '22012' });
      expect((await run("select to_regclass('half') as half")).rows).toEqual([{ half: null }]);
    });

    test('a failed text with its own begin leaves no transaction behind', async () => {
      const { run } = current();
      await expect(run('begin; select 1/0; commit')).rejects.toMatchObject({ sqlState: '22012' });
      expect((await run('select 1 as value')).rows).toEqual([{ value: 1 }]);
    });

    test('vacuum runs, since a single statement is in no transaction', async () => {
      const { run } = current();
      await run('create table vacuumed (id int)');
      await run('vacuum (analyze) vacuumed');
    });
  });
}

function specifyErrors(current: () => DatabaseContext): void {
  describe('errors', () => {
    test('of constraints carry their state and name', async () => {
      const { run } = current();
      await run(`create table parents (id int constraint parents_key primary key);
        create table children (
          parent_id int constraint children_parent references parents (id),
          n int constraint children_n check (n > 0),
          name text not null);
        insert into parents values (1)`);
      const failing = [
        ['insert into parents values (1)', '23505', 'parents_key'],
        ["insert into children values (2, 1, 'x')", '23503', 'children_parent'],
        ["insert into children values (1, 0, 'x')", '23514', 'children_n'],
        ['insert into children values (1, 1, null)', '23502', undefined],
      ] as const;
      for (const [sql, sqlState, constraint] of failing)
        await expect(run(sql)).rejects.toMatchObject({
          name: 'DatabaseError',
          sqlState,
          constraint,
          unavailable: false,
        });
    });

    test('of a wrong statement or parameter are the statement’s own', async () => {
      const { run } = current();
      const failing: [state: string, sql: string, ...parameters: unknown[]][] = [
        ['42601', 'selec 1'],
        ['42P01', 'select * from nowhere'],
        ['22P02', 'select $1::int4', 'many'],
        ['22P02', 'select $1::bool', 'perhaps'],
        ['22P02', 'select $1::jsonb', '{'],
        ['08P01', 'select $1::int4, $2::int4', 1],
      ];
      for (const [sqlState, sql, ...parameters] of failing)
        await expect(run(sql, ...parameters)).rejects.toMatchObject({
          name: 'DatabaseError',
          sqlState,
          unavailable: false,
        });
      expect((await run('select 1 as value')).rows).toEqual([{ value: 1 }]);
    });
  });
}
