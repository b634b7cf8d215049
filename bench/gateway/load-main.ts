// The load of the benchmark, as a process of its own: node bench/gateway/load-main.ts '<JSON of a Load>'
// Prints one LoadResult as JSON. It speaks HTTP over raw sockets, so that it costs less than what it measures.
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { AnswerReader } from './answer-reader.ts';
import type { Load, LoadResult } from './load.ts';
import { SHOWN_FRAMES } from './scripted-answers.ts';
import { quantile } from './statistics.ts';

const ANSWER_TIMEOUT_MS = 30_000;
const STALL_MS = 200;
const STARTED_OVER_MS = 1_000;

const load = JSON.parse(process.argv[2] ?? '{}') as Load;
const request = requestBytes();
const durationsMs: number[] = [];
const firstBytesMs: number[] = [];
const tally = { failed: 0, lostFrames: 0, stalled: 0 };

const startedMs = performance.now();
await (load.kind === 'paced' ? runPaced() : runClosedLoop());
const seconds = (performance.now() - startedMs) / 1_000;
process.stdout.write(JSON.stringify(result(seconds)));

function requestBytes(): Buffer {
  const headers = {
    host: `127.0.0.1:${load.port}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(load.body),
    authorization: `Bearer ${load.apiKey}`,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST /v1/chat/completions HTTP/1.1\r\n${lines.join('')}\r\n${load.body}`);
}

/** Each connection asks again as soon as it was answered. */
async function runClosedLoop(): Promise<void> {
  const endMs = startedMs + load.durationMs;
  const worker = async () => {
    let socket = await opened();
    while (performance.now() < endMs) {
      if (!(await exchange(socket))) {
        socket.destroy();
        socket = await opened();
      }
    }
    socket.destroy();
  };
  await Promise.all(Array.from({ length: load.connections }, worker));
}

/** All streams at the same time, begun within a second, each on a connection of its own. */
async function runPaced(): Promise<void> {
  const stream = async (_: unknown, index: number) => {
    await pause((index / load.connections) * STARTED_OVER_MS);
    const socket = await opened();
    await exchange(socket);
    socket.destroy();
  };
  await Promise.all(Array.from({ length: load.connections }, stream));
}

function opened(): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ port: load.port, host: '127.0.0.1', noDelay: true });
  socket.once('connect', () => resolve(socket)).once('error', reject);
  return promise;
}

/** One request and its answer; false when the connection is of no use any more. */
function exchange(socket: Socket): Promise<boolean> {
  const reader = new AnswerReader();
  const sentMs = performance.now();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const finish = (whole: boolean) => {
    socket.setTimeout(0);
    socket.removeAllListeners();
    socket.on('error', () => socket.destroy());
    note(reader, sentMs, whole);
    resolve(whole);
  };
  socket.on('data', (bytes: Buffer) => {
    reader.push(bytes, performance.now());
    if (reader.complete) finish(true);
  });
  socket.once('close', () => finish(false)).once('error', () => finish(false));
  socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
  socket.write(request);
  return promise;
}

function note(reader: AnswerReader, sentMs: number, whole: boolean): void {
  if (load.kind !== 'calls') tally.lostFrames += Math.max(0, SHOWN_FRAMES - reader.events);
  if (reader.longestGapMs > STALL_MS) tally.stalled += 1;
  if (!whole || reader.status !== 200) {
    tally.failed += 1;
    return;
  }
  durationsMs.push(performance.now() - sentMs);
  firstBytesMs.push(reader.firstByteMs - sentMs);
}

function result(seconds: number): LoadResult {
  return {
    completed: durationsMs.length,
    perSecond: durationsMs.length / seconds,
    p50Ms: quantile(durationsMs, 0.5),
    p99Ms: quantile(durationsMs, 0.99),
    firstByteP50Ms: quantile(firstBytesMs, 0.5),
    firstByteP99Ms: quantile(firstBytesMs, 0.99),
    ...tally,
  };
}
