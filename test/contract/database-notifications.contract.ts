import { describe, expect, test } from 'vitest';
import type { DatabaseContext } from './database.contract.ts';

const NOTIFY = 'select pg_notify($1, $2)';

export function specifyNotifications(current: () => DatabaseContext): void {
  describe('notifications', () => {
    test('reach every listener of exactly that channel, in order', async () => {
      const { database, run } = current();
      const first: string[] = [];
      const second: string[] = [];
      const stopFirst = await database.listen('Jobs "a"', (payload) => first.push(payload));
      const stopSecond = await database.listen('Jobs "a"', (payload) => second.push(payload));
      await run(NOTIFY, 'jobs "a"', 'of another channel');
      await run(NOTIFY, 'Jobs "a"', 'one');
      await run(NOTIFY, 'Jobs "a"', '');
      await expect.poll(() => second).toEqual(['one', '']);
      expect(first).toEqual(['one', '']);

      await stopFirst();
      await run(NOTIFY, 'Jobs "a"', 'two');
      await expect.poll(() => second).toEqual(['one', '', 'two']);
      expect(first).toEqual(['one', '']);
      await stopSecond();
    });

    test('wait for the commit, and a rollback takes them back', async () => {
      const { database, run } = current();
      const heard: string[] = [];
      const stop = await database.listen('committed', (payload) => heard.push(payload));
      const notify = (payload: string) => ({ sql: NOTIFY, parameters: ['committed', payload] });
      await database.transaction(async (transaction) => {
        await transaction.execute(notify('kept'));
        expect(heard).toEqual([]);
      });
      const error = new Error('no');
      const outcome = database.transaction(async (transaction) => {
        await transaction.execute(notify('taken back'));
        throw error;
      });
      await expect(outcome).rejects.toBe(error);
      await run(NOTIFY, 'committed', 'last');
      await expect.poll(() => heard).toEqual(['kept', 'last']);
      await stop();
    });

    test('go on after a listener failed', async () => {
      const { database, run } = current();
      const heard: string[] = [];
      const stop = await database.listen('fragile', (payload) => {
        heard.push(payload);
        throw new Error('listener');
      });
      await run(NOTIFY, 'fragile', '1');
      await run(NOTIFY, 'fragile', '2');
      await expect.poll(() => heard).toEqual(['1', '2']);
      await stop();
    });
  });
}
