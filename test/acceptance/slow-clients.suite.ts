import { afterAll, expect, test } from 'vitest';
import { openRaw, type RawConnection } from '../support/fuzz/raw-connection.ts';
import type { Installation } from '../support/servers/installation.ts';
import { call, chat } from './api-client.ts';

const SLOW_HEADS = 400;
const SLOW_BODIES = 100;
const REQUESTS_MEANWHILE = 100;
// The limit for heads is 20 s, and it is looked for every 30 s.
const CUT_WITHIN_MS = 180_000;

export interface SlowClients {
  /** To be called early: the connections stay open until the server cuts them. */
  begin(): void;
  /** To be called late. */
  end(): void;
}

/** Clients that never finish what they began, while others work. */
export function slowClientsSuite(installation: () => Installation): SlowClients {
  const heads: RawConnection[] = [];
  const bodies: RawConnection[] = [];
  afterAll(() => {
    for (const connection of [...heads, ...bodies]) connection.destroy();
  });

  const begin = () =>
    test(`ID-7 while ${SLOW_HEADS + SLOW_BODIES} clients dawdle, others are answered`, async () => {
      const { url, apiKey: key } = installation();
      for (let count = 0; count < SLOW_HEADS; count++) {
        const connection = await openRaw(url);
        connection.write('GET /v1/models HTTP/1.1\r\nhost: x\r\nx-slow: ');
        heads.push(connection);
      }
      for (let count = 0; count < SLOW_BODIES; count++) {
        const connection = await openRaw(url);
        connection.write(
          'POST /api/v1/auth/sign-in HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{',
        );
        bodies.push(connection);
      }
      for (let count = 0; count < REQUESTS_MEANWHILE; count++) {
        for (const each of [...heads, ...bodies]) if (each.isOpen) each.write('x');
        const [answer, models] = await Promise.all([
          chat({ url, key, model: 'scripted-chat' }),
          call(url, { path: '/v1/models', key }),
        ]);
        expect([answer.status, models.status]).toEqual([200, 200]);
      }
    });

  const end = () =>
    test('ID-7 whoever does not end its head in time is told so and cut off', {
      timeout: CUT_WITHIN_MS,
    }, async () => {
      for (const said of await Promise.all(heads.map((each) => each.closed)))
        expect(said).toMatch(/^HTTP\/1\.1 408 .*"code":"request_timeout"/s);
    });

  return { begin, end };
}
