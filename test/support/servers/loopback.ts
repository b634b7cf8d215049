import { connect, createServer } from 'node:net';
import { request } from 'undici';

/** A TCP port of the loopback address that nobody listens on right now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return address.port;
}

/** Status of a GET, without its body. */
export async function httpStatus(url: string): Promise<number> {
  const { statusCode, body } = await request(url, {
    headersTimeout: 2_000,
    bodyTimeout: 2_000,
    signal: AbortSignal.timeout(2_000),
  });
  await body.dump();
  return statusCode;
}

/** Sends one line over TCP and tells whether the answer starts with `expected`. */
export function tcpAnswers(port: number, line: string, expected: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const finish = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(1_000, () => finish(false));
    socket.once('error', () => finish(false));
    socket.once('connect', () => socket.write(line));
    socket.once('data', (bytes) => finish(bytes.toString('latin1').startsWith(expected)));
  });
}
