import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_TIMEOUTS } from '../../provider.ts';
import { UpstreamPool } from './upstream-pool.ts';

const failureOf = (error: Error) => new Error(`failed: ${error.message}`);
const REQUEST = { method: 'GET', path: '/' };
const CHUNK_BYTES = 64 * 1024;
const SENT_MAX_BYTES = 64 * 1024 * 1024;

let handle: (response: ServerResponse) => void;
let connections = 0;
const server = createServer((_request, response) => handle(response));
server.on('connection', () => {
  connections += 1;
});
let pool: UpstreamPool;

beforeEach(async () => {
  connections = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  pool = new UpstreamPool(`http://127.0.0.1:${port}`, DEFAULT_TIMEOUTS);
});

afterEach(async () => {
  await pool.close();
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

const send = (signal = new AbortController().signal) => pool.send(REQUEST, { signal, failureOf });

describe('UpstreamCall', () => {
  it('gives the head, then what came, then the end', async () => {
    const gate = Promise.withResolvers<void>();
    handle = (response) => {
      response.writeHead(201, { 'x-a': 'b' }).write('one');
      gate.promise.then(() => response.end('two'));
    };
    const { status, headers, call } = await send();
    expect([status, headers['x-a']]).toEqual([201, 'b']);
    expect(pool.open).toBe(1);
    expect(String((await call.next()).value)).toBe('one');
    gate.resolve();
    expect(String((await call.next()).value)).toBe('two');
    expect((await call.next()).done).toBe(true);
    expect(pool.open).toBe(0);
  });

  it('reads a long body whole and uses its connection again', async () => {
    const body = Buffer.alloc(3 * 1024 * 1024, 'x');
    handle = (response) => response.end(body);
    for (let time = 0; time < 2; time += 1) {
      const { call } = await send();
      expect((await call.bytes()).equals(body)).toBe(true);
      // The connection is free when the client has finished with this turn.
      await setImmediate();
    }
    expect(connections).toBe(1);
  });

  it('stops an upstream that sends faster than it is read', async () => {
    let sentBytes = 0;
    const stopped = Promise.withResolvers<void>();
    handle = (response) => {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      const sendMore = () => {
        while (sentBytes < SENT_MAX_BYTES) {
          sentBytes += chunk.length;
          if (!response.write(chunk)) {
            stopped.resolve();
            return;
          }
        }
        response.end();
      };
      response.on('drain', sendMore);
      sendMore();
    };
    const { call } = await send();
    await stopped.promise;
    let readBytes = 0;
    for (let part = await call.next(); part.done !== true; part = await call.next())
      readBytes += part.value.length;
    expect(readBytes).toBe(SENT_MAX_BYTES);
  });

  it('ends with the reason of its signal, before and after the head', async () => {
    const before = new AbortController();
    handle = () => before.abort(new Error('gone'));
    await expect(send(before.signal)).rejects.toThrow('gone');
    const after = new AbortController();
    const closed = Promise.withResolvers<void>();
    handle = (response) => {
      response.on('close', closed.resolve).write('x');
    };
    const { call } = await send(after.signal);
    await call.next();
    const waiting = call.next();
    after.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    await closed.promise;
    await expect(send(AbortSignal.abort(new Error('early')))).rejects.toThrow('early');
    expect(pool.open).toBe(0);
  });

  it('tells a body that is cut', async () => {
    handle = (response) => {
      response.writeHead(200, { 'content-length': '10' }).write('abc', () => response.destroy());
    };
    const { call } = await send();
    await expect(call.bytes()).rejects.toThrow('failed: ');
    expect(pool.open).toBe(0);
  });

  it('closes the connection of an answer that nobody reads on, keeps that of a complete one', async () => {
    const closed = vi.fn();
    handle = (response) => {
      response.on('close', closed).write('x');
    };
    const unread = await send();
    unread.call.release(false);
    await vi.waitFor(() => expect(closed).toHaveBeenCalledTimes(1));
    const gate = Promise.withResolvers<void>();
    handle = (response) => {
      response.write('x');
      gate.promise.then(() => response.end('y'));
    };
    const complete = await send();
    complete.call.release(true);
    gate.resolve();
    await vi.waitFor(() => expect(pool.open).toBe(0));
    handle = (response) => response.end('z');
    await (await send()).call.bytes();
    expect(connections).toBe(2);
  });
});
