import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** One answer of a vendor, as it was recorded. */
export interface RecordedAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** What happens behind the body: a proper end, a broken connection, or silence. */
  readonly then?: 'end' | 'reset' | 'hang';
  /** Nothing is answered, not even a head. */
  readonly silent?: boolean;
}

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  readonly json: unknown;
  /** The client closed the connection before the answer was complete. */
  aborted: boolean;
  /** Of the client's end of the connection. */
  readonly port: number | undefined;
}

export interface VendorServer {
  readonly origin: string;
  readonly journal: ReceivedRequest[];
  /** Answers in this order; the last one stays. */
  play(...answers: RecordedAnswer[]): void;
  close(): Promise<void>;
}

/** A vendor that plays recorded answers and remembers what it was asked. */
export async function startVendorServer(): Promise<VendorServer> {
  const journal: ReceivedRequest[] = [];
  const queue: RecordedAnswer[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const received = {
      path: request.url ?? '',
      headers: request.headers,
      text: body,
      json: body === '' ? undefined : (JSON.parse(body) as unknown),
      aborted: false,
      port: request.socket.remotePort,
    };
    response.on('close', () => {
      received.aborted = !response.writableFinished;
    });
    journal.push(received);
    const answer = queue.length > 1 ? queue.shift() : queue[0];
    play(response, answer ?? { status: 500 });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    journal,
    play: (...answers) => {
      queue.splice(0, queue.length, ...answers);
      journal.length = 0;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function play(response: ServerResponse, answer: RecordedAnswer): void {
  const { status = 200, headers = {}, body = '', then = 'end', silent = false } = answer;
  if (silent) return;
  response.writeHead(status, headers);
  response.flushHeaders();
  if (then === 'end') response.end(body);
  // The bytes must have left before the connection breaks, or the client sees a break and no answer.
  else response.write(body, () => then === 'reset' && setImmediate(() => response.destroy()));
}
