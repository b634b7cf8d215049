import type { FastifyReply } from 'fastify';
import { clientClosed } from './errors.ts';

/** Aborts when the connection closes before the answer is whole; listen before the upstream is asked. */
export function clientSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  const { raw } = reply;
  if (raw.destroyed) gone.abort(clientClosed());
  else {
    raw.once('close', () => {
      if (!raw.writableFinished) gone.abort(clientClosed());
    });
  }
  return gone.signal;
}
