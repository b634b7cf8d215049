import { expect, test } from 'vitest';
import { authorizationValue, RAW_REQUESTS } from '../support/fuzz/raw-requests.ts';
import { openRaw, type RawConnection, type RawOutcome } from '../support/fuzz/raw-connection.ts';
import { randomOf } from '../support/fuzz/random.ts';
import type { Installation } from '../support/servers/installation.ts';
import { chat } from './api-client.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_125);
const AUTHORIZATIONS = 2_000;
const GARBAGE = 300;
const CONNECTIONS = 10;

/** Bytes on a socket, as no client library would write them. */
export function rawHttpSuite(installation: () => Installation): void {
  test.each(RAW_REQUESTS)('ID-7 $name is refused or cut off', async ({ name, bytes }) => {
    const connection = await openRaw(installation().url);
    expectRefusal(await connection.exchange(bytes), name);
    connection.destroy();
  });

  test(`ID-7 ${GARBAGE} pieces of garbage are refused or cut off`, async () => {
    const random = randomOf(SEED);
    for (let count = 0; count < GARBAGE; count++) {
      const bytes = Buffer.from(Array.from({ length: 200 }, () => random.integer(256)));
      const connection = await openRaw(installation().url);
      const text = Buffer.concat([bytes, Buffer.from('\r\n\r\n')]);
      expectRefusal(await connection.exchange(text), `FUZZ_SEED=${SEED} ${text.toString('hex')}`);
      connection.destroy();
    }
  });

  test(`ID-7 ${AUTHORIZATIONS} Authorization headers of any bytes let nobody in`, async () => {
    const { url } = installation();
    const random = randomOf(SEED);
    let next = 0;
    const work = async () => {
      let connection = await openRaw(url);
      while (next++ < AUTHORIZATIONS) {
        const value = authorizationValue(random);
        connection = await usable(connection, url);
        const head = `GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: ${value}\r\n\r\n`;
        const outcome = await connection.exchange(Buffer.from(head, 'latin1'));
        expectRefusal(outcome, `FUZZ_SEED=${SEED} ${JSON.stringify(value)}`);
      }
      connection.destroy();
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, work));
  });

  test('ID-7 requests behind one another on a connection are answered in turn', async () => {
    const connection = await openRaw(installation().url);
    const one = 'GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n';
    connection.write(one.repeat(99));
    for (let count = 0; count < 99; count++)
      expect(await connection.exchange('')).toMatchObject({ status: 200 });
    connection.destroy();
  });

  test('ID-7 others are served as before', async () => {
    const { url, apiKey: key } = installation();
    expect((await chat({ url, key, model: 'scripted-chat' })).status).toBe(200);
  });
}

async function usable(connection: RawConnection, url: string): Promise<RawConnection> {
  return connection.isOpen ? connection : openRaw(url);
}

// Some of it ends the connection without a word, which is an answer too.
function expectRefusal(outcome: RawOutcome, what: string): void {
  if (outcome === 'closed') return;
  expect(outcome.status, what).toBeGreaterThanOrEqual(400);
  expect(outcome.status, what).toBeLessThan(500);
  // A request without a host is refused by Node itself, which says nothing more.
  if (outcome.body === '' || outcome.body === '0\r\n\r\n') return;
  const { error } = JSON.parse(outcome.body) as { error: Record<string, unknown> };
  expect(error, what).toMatchObject({
    message: expect.stringMatching(/\S/),
    code: expect.stringMatching(/^[a-z_]+$/),
  });
  expect(outcome.headers['x-request-id'], what).toMatch(/^[A-Za-z0-9._-]{8,128}$/);
}
