import { beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { migrate } from '../../src/domains/ops/migration/index.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { SqlExecutor } from '../../src/ports/database.ts';
import type { DatabaseContext } from './database.contract.ts';

const ALL_STORES = { sql: 'select id from vector_stores order by id', parameters: [] };

/** `forProject`: the same on every adapter. */
export function specifyProjects(current: () => DatabaseContext): void {
  describe('bound to a project', () => {
    const ids = async (executor: SqlExecutor) =>
      (await executor.execute<{ id: string }>(ALL_STORES)).rows.map(({ id }) => id);

    beforeAll(async () => {
      const { database } = current();
      const options = { directory: 'migrations', clock: systemClock, log: silentLog };
      await migrate(database, options);
      await database.executeScript(`
        insert into organizations (id, name, created_at) values ('o', 'O', now());
        insert into projects (id, organization_id, name, created_at)
          values ('p1', 'o', '1', now()), ('p2', 'o', '2', now());
        insert into vector_stores (id, project_id, organization_id, metadata, embedding_model, embedding_dimensions,
            collection, created_at, last_active_at, changed_at)
          select v, p, 'o', '{}', 'm', 1, 'c', now(), now(), now()
          from (values ('s1', 'p1'), ('s2', 'p2')) as t (v, p)`);
    });

    test('shows its rows alone, in a statement, a batch and a transaction', async () => {
      const project = current().database.forProject('p1');
      expect(await ids(project)).toEqual(['s1']);
      const [count, listed] = await project.batch([
        { sql: 'select count(*) as n from vector_stores', parameters: [] },
        ALL_STORES,
      ]);
      expect([count?.rows, listed?.rows]).toEqual([[{ n: 1 }], [{ id: 's1' }]]);
      expect(await project.transaction((transaction) => ids(transaction))).toEqual(['s1']);
      expect(await ids(current().database.forProject('p2'))).toEqual(['s2']);
    });

    test.each(['', 'unknown', "p1' or 'a' = 'a", '%'])('shows nothing for %j', async (id) => {
      expect(await ids(current().database.forProject(id))).toEqual([]);
    });

    test('binds parameters and reports failures as ever', async () => {
      const project = current().database.forProject('p1');
      const { rows } = await project.execute({
        sql: 'select id from vector_stores where id = any($1::text[])',
        parameters: [['s1', 's2']],
      });
      expect(rows).toEqual([{ id: 's1' }]);
      const wrong = project.execute({ sql: 'select nothing', parameters: [] });
      await expect(wrong).rejects.toMatchObject({ name: 'DatabaseError', sqlState: '42703' });
      expect(await ids(project)).toEqual(['s1']);
    });

    test.each([
      `update vector_stores set name = 'x'`,
      'delete from vector_stores',
      `insert into file_batches values ('b', 'p1', 's1', now())`,
      'select * from users',
      'create table t (a int)',
    ])('may not: %s', async (sql) => {
      const refused = current().database.forProject('p1').execute({ sql, parameters: [] });
      await expect(refused).rejects.toMatchObject({ sqlState: '42501' });
    });

    test('leaves nothing behind for the next one, after success and failure', async () => {
      const { database, sessions } = current();
      const project = database.forProject('p1');
      const all = Array.from({ length: sessions * 4 }, async (_, index) => {
        const sql = index % 2 === 0 ? 'select 1' : 'select nothing';
        await project.execute({ sql, parameters: [] }).catch(() => undefined);
        return ids(database);
      });
      for (const seen of await Promise.all(all)) expect(seen).toEqual(['s1', 's2']);
      const { rows } = await database.execute({
        sql: `select current_user = session_user as owner, current_setting('llamp.project_id', true) as project`,
        parameters: [],
      });
      expect(rows).toEqual([{ owner: true, project: expect.not.stringMatching(/./) }]);
    });
  });
}
