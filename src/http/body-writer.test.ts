import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type BodyWriter, bodyWriter } from './body-writer.ts';

let answer: (writer: BodyWriter) => void;
const server = createServer((_request, response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  answer(bodyWriter(response));
});

beforeEach(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

function open() {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return { socket, text: () => text };
}

const body = (text: string) => text.slice(text.indexOf('\r\n\r\n') + 4);

it('frames chunks so that the connection can be used again', async () => {
  answer = (writer) => {
    writer.write(Buffer.from('data: 你好\n\n'));
    writer.write(Buffer.alloc(300, 'x'));
    writer.end();
  };
  const { socket, text } = open();
  for (let answers = 1; answers <= 2; answers += 1) {
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await expect.poll(() => text().split('0\r\n\r\n').length - 1).toBe(answers);
  }
  expect(body(text())).toContain(`e\r\ndata: 你好\n\n\r\n12c\r\n${'x'.repeat(300)}\r\n0\r\n\r\n`);
  socket.destroy();
});

it('sends the head alone when the body is not there yet', async () => {
  const opened = Promise.withResolvers<BodyWriter>();
  answer = opened.resolve;
  const { socket, text } = open();
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  const writer = await opened.promise;
  await expect.poll(text).toContain('\r\n\r\n');
  expect(body(text())).toBe('');
  writer.end();
  await expect.poll(() => body(text())).toBe('0\r\n\r\n');
  socket.destroy();
});

it('sends the bytes alone to a client of HTTP/1.0', async () => {
  answer = (writer) => {
    writer.write(Buffer.from('data: 1\n\n'));
    writer.end();
  };
  const { socket, text } = open();
  socket.write('GET / HTTP/1.0\r\n\r\n');
  await once(socket, 'close');
  expect(body(text())).toBe('data: 1\n\n');
});
