import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a connection gave back: an answer, or its end without one. */
export type RawOutcome = RawAnswer | 'closed';

export interface RawConnection {
  /** Writes bytes as they are and reads one answer. Rejects when nothing happens for long. */
  exchange(bytes: string | Buffer): Promise<RawOutcome>;
  write(bytes: string | Buffer): void;
  readonly isOpen: boolean;
  /** Resolves when the other side has closed it, with all that came since the last answer. */
  readonly closed: Promise<string>;
  destroy(): void;
}

// Far beyond any answer, also on a machine that does much else.
const SILENCE_MS = 60_000;

/** A connection on which anything may be written, also what is no HTTP. */
export async function openRaw(origin: string): Promise<RawConnection> {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  let received = '';
  let isOpen = true;
  let wake: () => void = () => undefined;
  const { promise: closed, resolve: close } = Promise.withResolvers<string>();
  // A reset is an end like another; what counts is whether an answer came before.
  socket.on('error', () => undefined);
  socket.setEncoding('latin1').on('data', (text: string) => {
    received += text;
    wake();
  });
  socket.once('close', () => {
    isOpen = false;
    close(received);
    wake();
  });
  await connected(socket);
  const nextAnswer = async (): Promise<RawOutcome> => {
    for (;;) {
      const found = firstAnswer(received, !isOpen);
      if (found !== undefined) {
        received = received.slice(found.length);
        return found.answer;
      }
      if (!isOpen) return 'closed';
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('no answer: it hangs')), SILENCE_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  return {
    exchange: (bytes) => {
      socket.write(bytes);
      return nextAnswer();
    },
    write: (bytes) => void socket.write(bytes),
    get isOpen() {
      return isOpen;
    },
    closed,
    destroy: () => void socket.destroy(),
  };
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
}

/** The first whole answer in a text, and how much of the text it is. */
function firstAnswer(
  text: string,
  isEnd: boolean,
): { answer: RawAnswer; length: number } | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [statusLine = '', ...lines] = text.slice(0, headEnd).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const bodyLength = Number(headers['content-length'] ?? (isEnd ? text.length : Number.NaN));
  const length = headEnd + 4 + bodyLength;
  if (!(text.length >= length || isEnd)) return undefined;
  const status = Number(statusLine.split(' ')[1]);
  const body = Buffer.from(text.slice(headEnd + 4, length), 'latin1').toString('utf8');
  return { answer: { status, headers, body }, length };
}
