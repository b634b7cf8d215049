import { beforeAll, describe, expect, test } from 'vitest';
import type { DatabaseError, SqlExecutor } from '../../src/ports/database.ts';
import type { DatabaseContext } from './database.contract.ts';

export function specifyTransactions(current: () => DatabaseContext): void {
  describe('transactions', () => {
    beforeAll(async () => {
      await current().run('create table ledger (id int primary key, n int not null)');
    });
    specifyOutcomes(current);
    specifyExpiry(current);
    specifyBatches(current);
    specifyConcurrency(current);
  });
}

function insert(executor: SqlExecutor, id: number) {
  return executor.execute({ sql: 'insert into ledger values ($1, 0)', parameters: [id] });
}

async function holds(context: DatabaseContext, id: number): Promise<boolean> {
  return (await context.run('select 1 from ledger where id = $1', id)).rows.length > 0;
}

function specifyOutcomes(current: () => DatabaseContext): void {
  test('commit with the value of the work', async () => {
    const context = current();
    const value = await context.database.transaction(async (transaction) => {
      await insert(transaction, 1);
      return 'done';
    });
    expect(value).toBe('done');
    expect(await holds(context, 1)).toBe(true);
  });

  test('roll back and rethrow the very error of the work', async () => {
    const context = current();
    const error = new Error('the work changed its mind');
    const outcome = context.database.transaction(async (transaction) => {
      await insert(transaction, 2);
      throw error;
    });
    await expect(outcome).rejects.toBe(error);
    expect(await holds(context, 2)).toBe(false);
  });

  test('are doomed by a failed statement, also when the work swallows its error', async () => {
    const context = current();
    const states: (string | undefined)[] = [];
    const stateOf = (error: DatabaseError) => states.push(error.sqlState);
    const outcome = context.database.transaction(async (transaction) => {
      await insert(transaction, 3);
      await insert(transaction, 3).catch(stateOf);
      await insert(transaction, 4).catch(stateOf);
    });
    await expect(outcome).rejects.toMatchObject({ name: 'DatabaseError', sqlState: '25P02' });
    expect(states).toEqual(['23505', '25P02']);
    expect(await holds(context, 3)).toBe(false);
  });

  test('refuse calls after their end', async () => {
    const context = current();
    let leaked: SqlExecutor | undefined;
    await context.database.transaction(async (transaction) => {
      leaked = transaction;
    });
    if (leaked === undefined) throw new Error('the work did not run');
    await expect(insert(leaked, 5)).rejects.toMatchObject({ name: 'DatabaseError' });
    expect(await holds(context, 5)).toBe(false);
  });
}

function specifyExpiry(current: () => DatabaseContext): void {
  test('are rolled back when they are open too long, and others go on', async () => {
    const context = current();
    const codes: unknown[] = [];
    const outcome = context.database.transaction(
      async (transaction) => {
        await insert(transaction, 6);
        const code = () =>
          transaction.execute({ sql: 'select 1', parameters: [] }).then(
            () => 'open',
            (error: DatabaseError) => error.code,
          );
        await expect.poll(code, { timeout: 5_000, interval: 20 }).toBe('transaction_expired');
        codes.push(await code());
        expect(await holds(context, 6)).toBe(false);
      },
      { timeoutMs: 100 },
    );
    await expect(outcome).rejects.toMatchObject({ code: 'transaction_expired', unavailable: true });
    expect(codes).toEqual(['transaction_expired']);
    expect(await holds(context, 6)).toBe(false);
  });
}

function specifyBatches(current: () => DatabaseContext): void {
  test('batches answer in order and keep all or nothing', async () => {
    const context = current();
    const add = (id: number) => ({ sql: 'insert into ledger values ($1, 0)', parameters: [id] });
    const count = { sql: 'select count(*) as n from ledger where id in (11, 12)', parameters: [] };
    const results = await context.database.batch([add(11), count, add(12), count]);
    expect(results.map((result) => result.affectedRows)).toEqual([1, 0, 1, 0]);
    expect(results[1]?.rows).toEqual([{ n: 1 }]);
    expect(results[3]?.rows).toEqual([{ n: 2 }]);

    const failing = context.database.batch([add(13), add(11), add(14)]);
    await expect(failing).rejects.toMatchObject({ sqlState: '23505', constraint: 'ledger_pkey' });
    expect(await holds(context, 13)).toBe(false);
    expect(await holds(context, 14)).toBe(false);
    expect(await context.database.batch([])).toEqual([]);
  });
}

function specifyConcurrency(current: () => DatabaseContext): void {
  test('isolate fifty concurrent read-modify-writes', async () => {
    const context = current();
    await insert(context.database, 20);
    const increment = () =>
      context.database.transaction(async (transaction) => {
        const { rows } = await transaction.execute<{ n: number }>({
          sql: 'select n from ledger where id = $1 for update',
          parameters: [20],
        });
        const n = (rows[0]?.n ?? 0) + 1;
        await transaction.execute({
          sql: 'update ledger set n = $2 where id = $1',
          parameters: [20, n],
        });
      });
    await Promise.all(Array.from({ length: 50 }, increment));
    expect((await context.run('select n from ledger where id = 20')).rows).toEqual([{ n: 50 }]);
    expect(context.database.waiting).toBe(0);
  });
}
