import type { FastifyReply } from 'fastify';
import { onResponseClose } from './response-close.ts';

/**
 * Aborts when the client goes away before its answer is complete; pass it to every outbound call of the request.
 * `reason` makes the error that those calls then end with.
 */
export function requestSignal(
  reply: FastifyReply,
  reason: () => Error = () => new ClientGoneError(),
): AbortSignal {
  const controller = new AbortController();
  const response = reply.raw;
  onResponseClose(reply, () => {
    if (!response.writableFinished) controller.abort(reason());
  });
  return controller.signal;
}

export class ClientGoneError extends Error {
  constructor() {
    super('the client closed the connection before the answer was complete');
    this.name = 'ClientGoneError';
  }
}
