import { once } from 'node:events';
import { IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, connect, Socket } from 'node:net';
import { type FastifyReply, fastify } from 'fastify';
import { afterEach, expect, it, vi } from 'vitest';
import { ClientGoneError, requestSignal } from './request-signal.ts';
import { onResponseClose } from './response-close.ts';

const app = { close: async (): Promise<unknown> => undefined };
afterEach(() => app.close());

const request = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;

/** A server whose handlers wait for `gate`; `replies` in the order of the requests. */
async function serving() {
  const server = fastify({ forceCloseConnections: true });
  const gate = Promise.withResolvers<string>();
  const replies: { reply: FastifyReply; signal: AbortSignal; onClose: ReturnType<typeof vi.fn> }[] =
    [];
  server.get('/*', async (_request, reply) => {
    const onClose = vi.fn();
    onResponseClose(reply, onClose);
    replies.push({ reply, signal: requestSignal(reply), onClose });
    return gate.promise;
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  app.close = () => server.close();
  const client = connect((server.server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => undefined);
  return { gate, replies, client };
}

it('tells every pipelined request that its connection is gone, once', async () => {
  const { replies, client, gate } = await serving();
  client.write(Array.from({ length: 20 }, (_, index) => request(`/${index}`)).join(''));
  await vi.waitFor(() => expect(replies).toHaveLength(20));
  client.destroy();
  await vi.waitFor(() => {
    for (const { signal } of replies) expect(signal.reason).toBeInstanceOf(ClientGoneError);
  });
  gate.resolve('nobody reads it');
  const last = replies.at(-1)?.reply;
  const late = vi.fn();
  if (last !== undefined) onResponseClose(last, late);
  expect(late).toHaveBeenCalledTimes(1);
  for (const { onClose, reply } of replies) {
    expect(onClose).toHaveBeenCalledTimes(1);
    expect(reply.request.raw.socket.listenerCount('close')).toBeLessThan(10);
  }
});

it('leaves the connection as it was when pipelined answers are complete', async () => {
  const { replies, client, gate } = await serving();
  const warned = vi.fn();
  process.on('warning', warned);
  client.write(request('/first'));
  await vi.waitFor(() => expect(replies).toHaveLength(1));
  const socket = replies[0]?.reply.request.raw.socket;
  const before = socket?.getMaxListeners();
  client.write(Array.from({ length: 20 }, (_, index) => request(`/${index}`)).join(''));
  await vi.waitFor(() => expect(replies).toHaveLength(21));
  gate.resolve('done');
  let text = '';
  while (text.split('200 OK').length < 22) text += String((await once(client, 'data'))[0]);
  await vi.waitFor(() => {
    for (const { onClose } of replies) expect(onClose).toHaveBeenCalledTimes(1);
  });
  expect(replies.some(({ signal }) => signal.aborted)).toBe(false);
  expect(socket?.getMaxListeners()).toBe(before);
  expect(socket?.listenerCount('close')).toBeLessThan(10);
  client.destroy();
  process.off('warning', warned);
  expect(warned).not.toHaveBeenCalled();
});

it('needs no help of Node to hear of a connection that ends before the answer has it', async () => {
  const socket = new Socket();
  const request = new IncomingMessage(socket);
  const response = new ServerResponse(request);
  const reply = { raw: response, request: { raw: request } } as unknown as FastifyReply;
  const signal = requestSignal(reply);
  const onClose = vi.fn();
  onResponseClose(reply, onClose);
  socket.destroy();
  await vi.waitFor(() => expect(signal.aborted).toBe(true));
  expect(response.destroyed).toBe(true);
  expect(onClose).toHaveBeenCalledTimes(1);
  const late = requestSignal(reply);
  expect(late.aborted).toBe(true);
});
