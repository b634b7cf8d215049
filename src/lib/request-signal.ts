import type { FastifyReply } from 'fastify';

/** Aborts when the client goes away before its answer is complete; pass it to every outbound call of the request. */
export function requestSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  const response = reply.raw;
  const onClose = () => {
    if (!response.writableFinished) controller.abort(new ClientGoneError());
  };
  if (response.destroyed) onClose();
  else response.once('close', onClose);
  return controller.signal;
}

export class ClientGoneError extends Error {
  constructor() {
    super('the client closed the connection before the answer was complete');
    this.name = 'ClientGoneError';
  }
}
