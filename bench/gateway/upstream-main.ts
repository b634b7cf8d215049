// The scripted upstream of the benchmark: node bench/gateway/upstream-main.ts <port>. It reads HTTP from the socket by
// itself, because it must cost less than whatever is measured in front of it. GET /counts tells what it answered.
import { createServer, type Socket } from 'node:net';
import {
  CONTENT_FRAMES,
  contentFrame,
  lastFrames,
  MODELS,
  PACE_MS,
  wholeAnswer,
} from './scripted-answers.ts';

const HEAD_END = Buffer.from('\r\n\r\n');
const WHOLE: Readonly<Record<string, Buffer>> = {
  [MODELS.small]: jsonResponse(wholeAnswer(200)),
  [MODELS.middle]: jsonResponse(wholeAnswer(10_000)),
  [MODELS.large]: jsonResponse(wholeAnswer(100_000)),
};
const FRAMES = Array.from({ length: CONTENT_FRAMES }, (_, index) => contentFrame(index));
const STREAM_HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
const LAST_CHUNK = '0\r\n\r\n';
const AT_ONCE = [true, false].map((usage) =>
  Buffer.from(STREAM_HEAD + chunk(FRAMES.join('') + lastFrames(usage)) + LAST_CHUNK),
);

const counts = { answered: 0 };
const server = createServer({ noDelay: true }, serve);
server.listen(Number(process.argv[2]), '127.0.0.1');

function serve(socket: Socket): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => {
    pending = pending.length === 0 ? bytes : Buffer.concat([pending, bytes]);
    for (let end = requestEnd(pending); end > 0; end = requestEnd(pending)) {
      answer(socket, pending.toString('latin1', 0, end));
      pending = pending.subarray(end);
    }
  });
}

/** Where the first request ends, or 0 when it is not whole yet. */
function requestEnd(bytes: Buffer): number {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return 0;
  const head = bytes.toString('latin1', 0, headEnd);
  const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  const end = headEnd + HEAD_END.length + length;
  return bytes.length >= end ? end : 0;
}

function answer(socket: Socket, request: string): void {
  if (request.startsWith('GET')) {
    socket.write(jsonResponse(Buffer.from(JSON.stringify(listing(request)))));
    return;
  }
  const model = /"model": ?"([^"]+)"/.exec(request)?.[1] ?? '';
  const withUsage = request.includes('"include_usage":true');
  if (model === MODELS.paced) {
    sendPaced(socket, withUsage);
    return;
  }
  counts.answered += 1;
  socket.write(WHOLE[model] ?? AT_ONCE[withUsage ? 0 : 1] ?? '');
}

function listing(request: string): object {
  if (request.startsWith('GET /counts')) return counts;
  const data = Object.values(MODELS).map((id) => ({ id, object: 'model', created: 1 }));
  return { object: 'list', data };
}

function sendPaced(socket: Socket, withUsage: boolean): void {
  const startedMs = performance.now();
  let index = 0;
  socket.write(STREAM_HEAD);
  const next = () => {
    if (socket.destroyed) return;
    socket.write(chunk(FRAMES[index] ?? ''));
    index += 1;
    if (index < FRAMES.length) {
      // By the clock and not by the last frame: a late one must not make the others late.
      setTimeout(next, startedMs + index * PACE_MS - performance.now());
      return;
    }
    counts.answered += 1;
    socket.write(chunk(lastFrames(withUsage)) + LAST_CHUNK);
  };
  next();
}

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

function jsonResponse(body: Buffer): Buffer {
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}
