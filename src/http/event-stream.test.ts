import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fastify, type FastifyInstance } from 'fastify';
import { afterEach, expect, test, vi } from 'vitest';
import { sendEventStream } from './event-stream.ts';

const apps: FastifyInstance[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

interface Exchange {
  readonly socket: Socket;
  text(): string;
}

async function open(
  body: () => AsyncIterable<Uint8Array>,
  keepAliveMs = 15_000,
): Promise<Exchange & { finished: Promise<void> }> {
  const app = fastify({ forceCloseConnections: true });
  apps.push(app);
  const { promise: finished, resolve } = Promise.withResolvers<void>();
  app.get('/', async (request, reply) => {
    reply.header('x-request-id', 'req_1');
    const headers = { 'content-type': 'text/event-stream' };
    await sendEventStream(request, reply, { status: 200, headers, body: body(), keepAliveMs });
    resolve();
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  const socket = connect(typeof address === 'object' && address !== null ? address.port : 0);
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  return { socket, text: () => text, finished };
}

const bytes = (text: string) => Buffer.from(text);
const forever = (signal?: AbortSignal) =>
  new Promise<never>((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(new Error('aborted')));
  });
const events = (text: string) =>
  text
    .slice(text.indexOf('\r\n\r\n') + 4)
    .split('\r\n')
    .filter((_line, index) => index % 2 === 1)
    .join('');

test('headers leave at once, then each chunk as it comes', async () => {
  const gate = Promise.withResolvers<void>();
  const stream = await open(async function* () {
    await gate.promise;
    yield bytes('data: 1\n\n');
    yield bytes('data: 你好\n\n');
  });
  await vi.waitFor(() => expect(stream.text()).toContain('\r\n\r\n'));
  expect(stream.text()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  for (const header of [
    'content-type: text/event-stream',
    'cache-control: no-cache, no-transform',
    'x-accel-buffering: no',
    'x-request-id: req_1',
  ]) {
    expect(stream.text()).toContain(header);
  }
  gate.resolve();
  await stream.finished;
  await vi.waitFor(() => expect(stream.text()).toMatch(/\r\n0\r\n\r\n$/));
  expect(events(stream.text())).toBe('data: 1\n\ndata: 你好\n\n');
});

test('silence is filled with comments, also before the first byte', async () => {
  const gate = Promise.withResolvers<void>();
  const stream = await open(async function* () {
    await gate.promise;
    yield bytes('data: 1\n\n');
  }, 20);
  await vi.waitFor(() => expect(stream.text().match(/: ping\n/g)?.length).toBeGreaterThan(1));
  gate.resolve();
  await stream.finished;
  await vi.waitFor(() => expect(events(stream.text())).toMatch(/^(: ping\n)+data: 1\n\n$/));
});

test('a comment never splits a line', async () => {
  const gate = Promise.withResolvers<void>();
  const stream = await open(async function* () {
    yield bytes('data: half');
    await gate.promise;
    yield bytes(' whole\n\n');
  }, 10);
  await vi.waitFor(() => expect(stream.text()).toContain('half'));
  // Time for six comments; what is shown is that none comes.
  await new Promise((resolve) => setTimeout(resolve, 60));
  gate.resolve();
  await stream.finished;
  await vi.waitFor(() => expect(stream.text()).toContain('whole'));
  expect(events(stream.text())).toContain('data: half whole\n\n');
});

test('a client that leaves ends the stream within 100 ms, even when the body hangs', async () => {
  let returned = false;
  const body: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => forever(),
      return: async () => {
        returned = true;
        return { done: true, value: undefined };
      },
    }),
  };
  const stream = await open(() => body);
  await vi.waitFor(() => expect(stream.text()).toContain('\r\n\r\n'));
  const leftAt = performance.now();
  stream.socket.destroy();
  await stream.finished;
  expect(performance.now() - leftAt).toBeLessThan(100);
  expect(returned).toBe(true);
});

test('a client that does not read holds the body back', async () => {
  const chunk = Buffer.alloc(65_536, 'x');
  let taken = 0;
  const stream = await open(async function* () {
    for (; taken < 2_000; taken++) yield chunk;
  });
  stream.socket.pause();
  // The buffers of the kernel and of the response fill; then nothing more is taken.
  let before = -1;
  await vi.waitFor(
    () => {
      const moved = taken !== before;
      before = taken;
      expect(taken).toBeGreaterThan(0);
      expect(moved).toBe(false);
    },
    { timeout: 5_000, interval: 100 },
  );
  expect(taken).toBeLessThan(500);
  stream.socket.destroy();
  await stream.finished;
});

test('a body that fails becomes an error event and a proper end', async () => {
  const stream = await open(async function* () {
    yield bytes('data: 1\n\n');
    throw new Error('a detail of ours');
  });
  await stream.finished;
  await vi.waitFor(() => expect(stream.text()).toMatch(/\r\n0\r\n\r\n$/));
  expect(stream.text()).toContain('data: {"error":{"message":"An internal error occurred."');
  expect(stream.text()).not.toContain('a detail of ours');
});

test('the connection can be used again afterwards', async () => {
  const stream = await open(async function* () {
    yield bytes('data: 1\n\n');
  });
  await stream.finished;
  stream.socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  await once(stream.socket, 'close');
  expect(stream.text().match(/HTTP\/1\.1 200/g)).toHaveLength(2);
});
