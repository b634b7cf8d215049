import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';

const listeners = Symbol('listeners for the close of an answer');

/** An answer that somebody waits for: one listener of Node's for all of ours, because each of those is dear. */
interface WatchedResponse extends ServerResponse {
  [listeners]?: (() => void)[];
}

/** Calls `listener` once when the answer is complete or its connection is gone; at once when that is so already. */
export function onResponseClose(reply: FastifyReply, listener: () => void): void {
  const response: WatchedResponse = reply.raw;
  if (response.destroyed) {
    listener();
    return;
  }
  const waiting = response[listeners];
  if (waiting !== undefined) {
    waiting.push(listener);
    return;
  }
  response[listeners] = [listener];
  response.once('close', tellListeners);
  if (response.socket === null) closeWithConnection(response, reply.request.raw.socket);
}

function tellListeners(this: WatchedResponse): void {
  for (const listener of this[listeners] ?? []) listener();
}

/**
 * Node gives the answer to a pipelined request its socket only when the answers before it are complete. Older releases
 * of Node 24 then say nothing to the answers that wait when the connection ends: whoever listens for their `close` or
 * `drain` would do so for ever. Newer ones destroy them, and this finds nothing left to do.
 */
function closeWithConnection(response: ServerResponse, socket: Socket): void {
  const onConnectionClose = () => {
    // Once the answer has its socket, Node itself tells it.
    if (response.socket === null && !response.destroyed) destroyUnsent(response);
  };
  if (socket.destroyed) {
    onConnectionClose();
    return;
  }
  // A connection may carry many waiting requests; that is no leak, since each takes its listener away.
  socket.setMaxListeners(socket.getMaxListeners() + 1);
  socket.once('close', onConnectionClose);
  response.once('close', () => {
    socket.off('close', onConnectionClose);
    socket.setMaxListeners(socket.getMaxListeners() - 1);
  });
}

// Not every release of Node emits `close` for an answer that is destroyed without a socket.
function destroyUnsent(response: ServerResponse): void {
  response.destroy();
  process.nextTick(() => {
    if (!response.closed) response.emit('close');
  });
}
