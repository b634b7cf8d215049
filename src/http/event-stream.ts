import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { EventStream, SendEventStream } from '../domains/gateway/event-stream-sender.ts';
import { errorEnvelope, toAppError } from './error-response.ts';

// One line break, not two: a blank line would dispatch an empty event in clients that saw an `id:` before.
const PING = ': ping\n';
const LINE_FEED = 10;
const SLOW_CLIENT_TIMEOUT_MS = 60_000;

/** Writes server-sent events past the framework, with backpressure and comments during silence. */
export const sendEventStream: SendEventStream = async (request, reply, stream) => {
  const response = beginResponse(reply, stream);
  const pings = startPings(response, stream.keepAliveMs);
  try {
    await writeAll(response, stream.body, pings);
  } catch (error) {
    writeFailure(request, response, error);
  } finally {
    pings.stop();
    response.end();
  }
};

function beginResponse(reply: FastifyReply, stream: EventStream): ServerResponse {
  reply.hijack();
  const response = reply.raw;
  response.writeHead(stream.status, {
    ...(reply.getHeaders() as OutgoingHttpHeaders),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    // Nginx buffers answers unless told not to.
    'x-accel-buffering': 'no',
    ...stream.headers,
  });
  response.flushHeaders();
  // Small frames must leave at once.
  response.socket?.setNoDelay(true);
  return response;
}

interface Pings {
  wrote(chunk: Uint8Array): void;
  stop(): void;
}

async function writeAll(
  response: ServerResponse,
  body: AsyncIterable<Uint8Array>,
  pings: Pings,
): Promise<void> {
  const iterator = body[Symbol.asyncIterator]();
  const { promise: gone, resolve: onClose } = Promise.withResolvers<void>();
  response.once('close', onClose);
  if (response.destroyed) onClose();
  try {
    await Promise.race([writeChunks(response, iterator, pings), gone]);
  } finally {
    response.off('close', onClose);
    // Not awaited: a generator that waits for its upstream returns only when that answers.
    if (response.destroyed) iterator.return?.()?.then(undefined, () => undefined);
  }
}

async function writeChunks(
  response: ServerResponse,
  iterator: AsyncIterator<Uint8Array>,
  pings: Pings,
): Promise<void> {
  for (;;) {
    const next = await iterator.next();
    if (next.done === true || response.destroyed) return;
    if (next.value.length === 0) continue;
    pings.wrote(next.value);
    if (!response.write(next.value)) await drained(response);
  }
}

// A client that keeps the connection open without reading would hold its upstream for ever.
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => response.destroy(), SLOW_CLIENT_TIMEOUT_MS);
    const done = () => {
      clearTimeout(timer);
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });
}

function startPings(response: ServerResponse, keepAliveMs: number): Pings {
  let atLineStart = true;
  // A comment is harmless at the start of any line, even inside an event, and nowhere else.
  const ping = () => {
    if (atLineStart && !response.destroyed && !response.writableNeedDrain) response.write(PING);
    timer.refresh();
  };
  const timer = setTimeout(ping, keepAliveMs);
  return {
    wrote: (chunk) => {
      atLineStart = chunk.at(-1) === LINE_FEED;
      timer.refresh();
    },
    stop: () => clearTimeout(timer),
  };
}

// The status is sent already, so the failure becomes an event; clients raise it.
function writeFailure(request: FastifyRequest, response: ServerResponse, thrown: unknown): void {
  const error = toAppError(thrown);
  request.log.error({ error: error.cause ?? error }, 'an event stream failed');
  if (!response.destroyed) response.write(`data: ${JSON.stringify(errorEnvelope(error))}\n\n`);
}
