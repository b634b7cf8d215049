import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { onAnswerEnd } from './answer-end.ts';

const GRACE_MS = 500;

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
  app.addHook('onRequest', (_request, reply, done) => {
    running += 1;
    if (stopping) reply.header('connection', 'close');
    onAnswerEnd(reply, () => {
      running -= 1;
      if (running === 0) onIdle();
    });
    done();
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
      const cut = () => cutConnections(app.server, onIdle);
      signal.addEventListener('abort', cut, { once: true });
      do {
        await untilIdle(signal);
        await graceForRequestsOnTheirWay(app.server, signal);
      } while (running > 0 && !signal.aborted);
      signal.removeEventListener('abort', cut);
      if (signal.aborted) cutConnections(app.server, onIdle);
      app.server.closeIdleConnections();
    },
  };

  function untilIdle(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    onIdle = resolve;
    if (running === 0 || signal.aborted) resolve();
    return promise;
  }
}

// A proxy may have written its next request just before it learned of the stop: that one is answered, not reset.
async function graceForRequestsOnTheirWay(server: Server, signal: AbortSignal): Promise<void> {
  const { promise: open, resolve } = Promise.withResolvers<number>();
  server.getConnections((_error, count) => resolve(count ?? 0));
  if ((await open) > 0) await setTimeout(GRACE_MS, undefined, { signal }).catch(() => undefined);
}

function cutConnections(server: Server, onCut: () => void): void {
  server.closeAllConnections();
  onCut();
}
