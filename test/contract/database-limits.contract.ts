import { describe, expect, test } from 'vitest';
import type { DatabaseContext } from './database.contract.ts';

const ONE = { sql: 'select 1 as value', parameters: [] };

export function specifyLimits(current: () => DatabaseContext): void {
  describe('limits', () => {
    test('a signal aborted before the call keeps the statement from running', async () => {
      const { database, run } = current();
      await run('create table aborted (id int)');
      const signal = AbortSignal.abort(new Error('before'));
      const statement = { sql: 'insert into aborted values (1)', parameters: [] };
      await expect(database.execute(statement, { signal })).rejects.toThrow('before');
      await expect(database.batch([statement], { signal })).rejects.toThrow('before');
      const work = () => Promise.reject(new Error('must not run'));
      await expect(database.transaction(work, { signal })).rejects.toThrow('before');
      expect((await run('select * from aborted')).rows).toEqual([]);
    });

    test('an abort ends the wait for a session, and the statement never runs', async () => {
      const { database, run } = current();
      await run('create table waited (id int)');
      const sessions = await occupyAllSessions(current());
      const controller = new AbortController();
      const waiter = database.execute(
        { sql: 'insert into waited values (1)', parameters: [] },
        { signal: controller.signal },
      );
      await expect.poll(() => database.waiting).toBe(1);
      controller.abort(new Error('nobody waits'));
      await expect(waiter).rejects.toThrow('nobody waits');
      await sessions.release();
      expect((await run('select * from waited')).rows).toEqual([]);
    });

    test('an abort rolls a transaction back', async () => {
      const { database, run } = current();
      await run('create table withdrawn (id int)');
      const controller = new AbortController();
      const outcome = database.transaction(
        async (transaction) => {
          await transaction.execute({ sql: 'insert into withdrawn values (1)', parameters: [] });
          controller.abort(new Error('withdrawn'));
        },
        { signal: controller.signal },
      );
      await expect(outcome).rejects.toThrow('withdrawn');
      expect((await run('select * from withdrawn')).rows).toEqual([]);
    });

    test('a statement that takes too long is a time-out that may be retried', async () => {
      const { database, run } = current();
      const slow = { sql: 'select pg_sleep(0.5)', parameters: [] };
      await expect(database.execute(slow, { timeoutMs: 50 })).rejects.toMatchObject({
        name: 'DatabaseError',
        code: 'timeout',
        unavailable: true,
      });
      expect((await run('select 1 as value')).rows).toEqual([{ value: 1 }]);
    });
  });
  specifyClosing(current);
}

function specifyClosing(current: () => DatabaseContext): void {
  test('close waits for running work and refuses later calls', async () => {
    const database = await current().open();
    const order: string[] = [];
    const running = database
      .transaction(async (transaction) => {
        await transaction.execute({ sql: 'select pg_sleep(0.1)', parameters: [] });
        await transaction.execute(ONE);
      })
      .then(() => order.push('work'));
    const closed = database.close().then(() => order.push('closed'));
    await expect(database.execute(ONE)).rejects.toMatchObject({ code: 'database_closed' });
    await Promise.all([running, closed, database.close()]);
    expect(order).toEqual(['work', 'closed']);
    await expect(database.listen('late', () => undefined)).rejects.toMatchObject({
      code: 'database_closed',
    });
  });
}

async function occupyAllSessions(context: DatabaseContext) {
  const { promise: released, resolve } = Promise.withResolvers<void>();
  let occupied = 0;
  const holders = Array.from({ length: context.sessions }, () =>
    context.database.transaction(async (transaction) => {
      await transaction.execute(ONE);
      occupied += 1;
      await released;
    }),
  );
  await expect.poll(() => occupied).toBe(context.sessions);
  return {
    release: async () => {
      resolve();
      await Promise.all(holders);
    },
  };
}
