import { randomUUID } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openPostgresDatabase } from '../../src/adapters/database/postgres.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Database } from '../../src/ports/database.ts';
import { describeWithLegs } from '../support/legs.ts';

const ONE = { sql: 'select 1 as value', parameters: [] };

describeWithLegs('PostgreSQL faults', ['postgres'], (addresses) => {
  let proxy: Proxy;
  let database: Database;

  beforeEach(async () => {
    proxy = await startProxy(addresses.postgres);
    database = await openPostgresDatabase({ url: proxy.url, poolMax: 3, log: silentLog });
  });

  afterEach(async () => {
    await database.close();
    await proxy.stop();
  });

  test('a cut connection fails its statement as unavailable, and the next one works', async () => {
    const sleep = sleepStatement();
    const running = database.execute(sleep);
    const failed = expect(running).rejects.toMatchObject({
      code: 'connection_lost',
      unavailable: true,
    });
    await expect.poll(() => runningCount(sleep)).toBe(1);
    proxy.cut();
    await failed;
    await expect.poll(answers).toBe(true);
  });

  test('an unreachable server is unavailable, and works again when it is back', async () => {
    proxy.refuse(true);
    proxy.cut();
    await expect(database.execute(ONE)).rejects.toMatchObject({ unavailable: true });
    proxy.refuse(false);
    await expect.poll(answers).toBe(true);
  });

  test('listening comes back after a cut and says that it was away', async () => {
    const heard: string[] = [];
    let reconnects = 0;
    const stop = await database.listen(
      'faults',
      (payload) => heard.push(payload),
      () => {
        reconnects += 1;
      },
    );
    const notify = (payload: string) =>
      database.execute({ sql: 'select pg_notify($1, $2)', parameters: ['faults', payload] });
    await notify('before');
    await expect.poll(() => heard).toEqual(['before']);
    proxy.cut();
    await expect.poll(() => reconnects, { timeout: 10_000 }).toBe(1);
    await notify('after');
    await expect.poll(() => heard).toEqual(['before', 'after']);
    await stop();
  });

  test('a time-out and an abort end the statement on the server too', async () => {
    const sleep = sleepStatement();
    await expect(database.execute(sleep, { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'timeout',
    });
    const controller = new AbortController();
    const running = database.execute(sleep, { signal: controller.signal });
    const aborted = expect(running).rejects.toThrow('enough');
    await expect.poll(() => runningCount(sleep)).toBeGreaterThan(0);
    controller.abort(new Error('enough'));
    await aborted;
    await expect.poll(() => runningCount(sleep)).toBe(0);
  });

  test('an expired transaction ends its running statement', async () => {
    const sleep = sleepStatement();
    const outcome = database.transaction((transaction) => transaction.execute(sleep), {
      timeoutMs: 100,
    });
    await expect(outcome).rejects.toMatchObject({ code: 'transaction_expired' });
    await expect.poll(() => runningCount(sleep)).toBe(0);
    expect((await database.execute(ONE)).rows).toEqual([{ value: 1 }]);
  });

  // An idle connection that was cut too may not have been noticed yet and fails one more statement.
  function answers(): Promise<boolean> {
    return database.execute(ONE).then(
      () => true,
      () => false,
    );
  }

  async function runningCount(statement: { sql: string }): Promise<number> {
    const { rows } = await database.execute<{ n: number }>({
      sql: `select count(*) as n from pg_stat_activity
            where state = 'active' and query = $1 and pid <> pg_backend_pid()`,
      parameters: [statement.sql],
    });
    return rows[0]?.n ?? 0;
  }
});

/** Told apart from those that earlier tests left on the server. */
function sleepStatement() {
  return { sql: `select pg_sleep(30) /* ${randomUUID()} */`, parameters: [] };
}

interface Proxy {
  readonly url: string;
  /** Ends every connection as a network failure would. */
  cut(): void;
  refuse(refusing: boolean): void;
  stop(): Promise<void>;
}

async function startProxy(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let refusing = false;
  const server = createServer((client) => {
    if (refusing) return void client.destroy();
    const upstream = connect(Number(port), hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  const url = new URL(target);
  url.port = String(await listen(server));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    cut,
    refuse: (value) => {
      refusing = value;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
