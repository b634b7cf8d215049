import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { EventStream, SendEventStream } from '../domains/gateway/event-stream-sender.ts';
import { type BodyWriter, bodyWriter } from './body-writer.ts';
import { errorEnvelope, toAppError } from './error-response.ts';

// One line break, not two: a blank line would dispatch an empty event in clients that saw an `id:` before.
const PING = Buffer.from(': ping\n');
const LINE_FEED = 10;
const SLOW_CLIENT_TIMEOUT_MS = 60_000;

/** Writes server-sent events past the framework, with backpressure and comments during silence. */
export const sendEventStream: SendEventStream = async (request, reply, stream) => {
  const writer = beginResponse(reply, stream);
  const pings = startPings(writer, stream);
  try {
    await writeAll(writer, stream.body, pings);
  } catch (error) {
    writeFailure(request, writer, error);
  } finally {
    pings.stop();
    writer.end();
  }
};

function beginResponse(reply: FastifyReply, stream: EventStream): BodyWriter {
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
  // Small frames must leave at once.
  response.socket?.setNoDelay(true);
  return bodyWriter(response);
}

interface Pings {
  wrote(chunk: Uint8Array): void;
  stop(): void;
}

async function writeAll(
  writer: BodyWriter,
  body: AsyncIterable<Uint8Array>,
  pings: Pings,
): Promise<void> {
  const { response } = writer;
  const iterator = body[Symbol.asyncIterator]();
  const { promise: gone, resolve: onClose } = Promise.withResolvers<void>();
  response.once('close', onClose);
  if (response.destroyed) onClose();
  try {
    await Promise.race([writeChunks(writer, iterator, pings), gone]);
  } finally {
    response.off('close', onClose);
    // Not awaited: a generator that waits for its upstream returns only when that answers.
    if (response.destroyed) iterator.return?.()?.then(undefined, () => undefined);
  }
}

async function writeChunks(
  writer: BodyWriter,
  iterator: AsyncIterator<Uint8Array>,
  pings: Pings,
): Promise<void> {
  const { response } = writer;
  for (;;) {
    const next = await iterator.next();
    if (next.done === true || response.destroyed) return;
    if (next.value.length === 0) continue;
    pings.wrote(next.value);
    if (!writer.write(next.value)) await drained(response);
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

function startPings(writer: BodyWriter, { keepAliveMs, keepAlive }: EventStream): Pings {
  const { response } = writer;
  const bytes = keepAlive === undefined ? PING : Buffer.from(keepAlive);
  let atLineStart = true;
  // A comment is harmless at the start of any line, even inside an event, and nowhere else.
  const ping = () => {
    if (atLineStart && !response.destroyed && !response.writableNeedDrain) writer.write(bytes);
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
function writeFailure(request: FastifyRequest, writer: BodyWriter, thrown: unknown): void {
  const error = toAppError(thrown);
  request.log.error({ error: error.cause ?? error }, 'an event stream failed');
  if (!writer.response.destroyed)
    writer.write(Buffer.from(`data: ${JSON.stringify(errorEnvelope(error))}\n\n`));
}
