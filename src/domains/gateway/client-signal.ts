import type { FastifyReply } from 'fastify';
import { requestSignal } from '../../lib/request-signal.ts';
import { clientClosed } from './errors.ts';

/** Aborts when the connection closes before the answer is whole; listen before the upstream is asked. */
export function clientSignal(reply: FastifyReply): AbortSignal {
  return requestSignal(reply, clientClosed);
}
