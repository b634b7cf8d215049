import { Agent, type IncomingMessage, request } from 'node:http';

export interface FuzzRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | undefined;
}

export interface FuzzAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

export interface Sender {
  /** Rejects when no whole answer comes. */
  send(request: FuzzRequest): Promise<FuzzAnswer>;
  close(): void;
}

// Far beyond any answer, also on a machine that does much else: what takes longer hangs.
const HANG_MS = 60_000;

/** Sends over real connections that are kept open, as clients do. */
export function openSender(origin: string, connections: number): Sender {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const sendOnce = (fuzzed: FuzzRequest) => exchange(origin, fuzzed, agent);
  return {
    // A connection that the server has just closed says nothing about the request.
    send: (fuzzed) =>
      sendOnce(fuzzed).catch((error: Error & { code?: string; isReused?: boolean }) => {
        if (error.isReused === true) return sendOnce(fuzzed);
        throw error;
      }),
    close: () => agent.destroy(),
  };
}

function exchange(origin: string, fuzzed: FuzzRequest, agent: Agent): Promise<FuzzAnswer> {
  const { hostname, port } = new URL(origin);
  const { method, url: path, body } = fuzzed;
  const length = body === undefined ? undefined : Buffer.byteLength(body);
  const headers = {
    ...fuzzed.headers,
    ...(length === undefined ? {} : { 'content-length': length }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, method, path, headers, agent }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.once('error', reject);
      incoming.once('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          text: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    outgoing.setTimeout(HANG_MS, () => outgoing.destroy(new Error('no answer: it hangs')));
    outgoing.once('error', (error) =>
      reject(Object.assign(error, { isReused: outgoing.reusedSocket })),
    );
    outgoing.end(body);
  });
}
