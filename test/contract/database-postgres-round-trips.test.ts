import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPostgresDatabase } from '../../src/adapters/database/postgres.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Database } from '../../src/ports/database.ts';
import { describeWithLegs } from '../support/legs.ts';

const ONE = { sql: 'select $1::int as value', parameters: [1] };
// Longer than whatever is sent at once takes to arrive.
const LATENCY_MS = 50;

describeWithLegs('round trips to PostgreSQL', ['postgres'], (addresses) => {
  let database: Database;
  let counter: TurnCounter;

  beforeAll(async () => {
    counter = await startTurnCounter(addresses.postgres);
    database = await openPostgresDatabase({ url: counter.url, poolMax: 1, log: silentLog });
    const role = `do $$ begin create role llamp_app nologin; exception when others then null; end $$`;
    await database.executeScript(role);
    // A script is followed by a reset of its time limit.
    await database.execute(ONE);
  });

  afterAll(async () => {
    await database.close();
    await counter.stop();
  });

  const turnsOf = async (work: () => Promise<unknown>) => {
    const before = counter.turns;
    await work();
    return counter.turns - before;
  };

  test('a statement, a batch and a statement bound to a project take one each', async () => {
    const project = database.forProject('p');
    expect(await turnsOf(() => database.execute(ONE))).toBe(1);
    expect(await turnsOf(() => database.batch([ONE, ONE, ONE, ONE]))).toBe(1);
    expect(await turnsOf(() => project.execute(ONE))).toBe(1);
    expect(await turnsOf(() => project.batch([ONE, ONE]))).toBe(1);
  });
});

interface TurnCounter {
  readonly url: string;
  /** How often the client spoke after it had been answered. */
  readonly turns: number;
  stop(): Promise<void>;
}

/** In front of a server, with answers that take their time as over a network. */
async function startTurnCounter(target: string): Promise<TurnCounter> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let turns = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let isAnswered = true;
    client.on('data', (chunk: Buffer) => {
      if (isAnswered) turns += 1;
      isAnswered = false;
      upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => {
      setTimeout(() => {
        isAnswered = true;
        client.write(chunk);
      }, LATENCY_MS);
    });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => [client, upstream].forEach((each) => void each.destroy()));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    get turns() {
      return turns;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
