import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { onAnswerEnd } from './answer-end.ts';

export interface ConnectionDrain {
  /** Takes no new connections; requests on open ones are still answered, and told to close afterwards. */
  stopAccepting(): void;
  /** Resolves when no request is running; when `signal` aborts, the remaining connections are cut. */
  finishRequests(signal: AbortSignal): Promise<void>;
  /** Requests that are being answered now. */
  readonly running: number;
}

/**
 * Ends a server without refusing a request that a proxy has already sent: idle connections stay open until the
 * running requests ended, because closing one at once races with the next request on it.
 */
export function trackConnections(app: FastifyInstance): ConnectionDrain {
  let running = 0;
  let stopping = false;
  let onIdle: () => void = () => undefined;
  app.addHook('onRequest', async (_request, reply) => {
    running += 1;
    if (stopping) reply.header('connection', 'close');
    onAnswerEnd(reply, () => {
      running -= 1;
      if (running === 0) onIdle();
    });
  });
  return {
    get running() {
      return running;
    },
    stopAccepting: () => {
      stopping = true;
      // The close of http.Server would also close idle connections; the one of net.Server only stops listening.
      if (app.server.listening) NetServer.prototype.close.call(app.server);
    },
    finishRequests: async (signal) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      onIdle = resolve;
      if (running === 0) resolve();
      const cut = () => cutConnections(app.server, resolve);
      if (signal.aborted) cut();
      signal.addEventListener('abort', cut, { once: true });
      await promise;
      signal.removeEventListener('abort', cut);
      app.server.closeIdleConnections();
    },
  };
}

function cutConnections(server: Server, onCut: () => void): void {
  server.closeAllConnections();
  onCut();
}
