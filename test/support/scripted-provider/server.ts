import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type Asked, CREATED, embedding, wholeAnswer } from './content.ts';
import { REFUSAL } from './event-frames.ts';
import { PLAIN, type Script, scriptOfModel } from './script.ts';
import { json, writeFailure } from './write-failure.ts';
import { writeStream } from './write-stream.ts';

/** One request as it arrived, and what became of it. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** Milliseconds of `performance.now()`. */
  readonly receivedMs: number;
  /** When the caller closed the connection before the answer was whole. */
  abortedMs: number | undefined;
  /** The connection is closed or free again. */
  ended: boolean;
  /** The bytes of a stream that were meant for the caller. */
  sent: Buffer;
}

export interface ScriptedProvider {
  /** With `/v1` at the end. */
  readonly baseUrl: string;
  readonly port: number;
  readonly apiKey: string;
  /** Everything received, oldest first; `GET /models` too. */
  readonly journal: Received[];
  /** Connections accepted so far. */
  readonly connections: number;
  /** Answers of inference requests from now on, in turn; when they are used up, the model name decides. */
  queue(...scripts: Partial<Script>[]): void;
  /** Forgets the scripts that were not used. */
  clearQueue(): void;
  /** What `GET /models` answers: names, a status, or anything else as the body. */
  setModels(models: readonly string[] | number | object): void;
  /** Resolves when `predicate` holds for the journal; rejects after `deadlineMs`. */
  waitFor(predicate: (journal: readonly Received[]) => boolean, deadlineMs?: number): Promise<void>;
  close(): Promise<void>;
}

interface State {
  readonly journal: Received[];
  readonly scripts: Partial<Script>[];
  readonly uses: Map<string, number>;
  models: readonly string[] | number | object;
}

const API_KEY = 'scripted-key';

/** An independent OpenAI-compatible upstream that does what it is told; nothing of it comes from the product. */
export async function startScriptedProvider(
  options: { port?: number; models?: readonly string[] } = {},
): Promise<ScriptedProvider> {
  const state: State = {
    journal: [],
    scripts: [],
    uses: new Map(),
    models: options.models ?? ['scripted-chat', 'scripted-embedding'],
  };
  const server = createServer((request, response) => {
    answer(state, request, response).catch(() => response.destroy());
  });
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    port,
    apiKey: API_KEY,
    journal: state.journal,
    get connections() {
      return connections;
    },
    queue: (...scripts) => void state.scripts.push(...scripts),
    clearQueue: () => {
      state.scripts.length = 0;
    },
    setModels: (models) => {
      state.models = models;
    },
    waitFor: (predicate, deadlineMs = 5_000) => waitFor(state.journal, predicate, deadlineMs),
    close: () => close(server),
  };
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}

async function waitFor(
  journal: readonly Received[],
  predicate: (journal: readonly Received[]) => boolean,
  deadlineMs: number,
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!predicate(journal)) {
    if (performance.now() > endMs) throw new Error('the scripted provider never saw it');
    await delay(2);
  }
}

async function answer(state: State, request: IncomingMessage, response: ServerResponse) {
  const received = await receive(request, response);
  state.journal.push(received);
  if (request.headers.authorization !== `Bearer ${API_KEY}`) {
    return json(response, 401, {
      error: {
        message: 'wrong key',
        type: 'invalid_request_error',
        param: null,
        code: 'invalid_api_key',
      },
    });
  }
  if (received.path === '/v1/models') return answerModels(state, response);
  const body = JSON.parse(received.body.toString('utf8'));
  const script = nextScript(state, body.model);
  if (script.delayMs > 0) await delay(script.delayMs);
  if (response.destroyed || writeFailure(response, script)) return;
  if (received.path === '/v1/embeddings') return answerEmbeddings(response, body);
  const asked: Asked = {
    endpoint: received.path === '/v1/chat/completions' ? 'chat' : 'completions',
    model: body.model,
    includeUsage: body.stream_options?.include_usage === true,
    choices: body.n ?? 1,
  };
  if (body.stream === true) {
    const onBytes = (bytes: Buffer) => {
      received.sent = Buffer.concat([received.sent, bytes]);
    };
    return writeStream(response, asked, script, onBytes);
  }
  return answerWhole(response, asked, script);
}

async function receive(request: IncomingMessage, response: ServerResponse): Promise<Received> {
  const receivedMs = performance.now();
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const received: Received = {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    body: Buffer.concat(chunks),
    receivedMs,
    abortedMs: undefined,
    ended: false,
    sent: Buffer.alloc(0),
  };
  response.once('close', () => {
    received.ended = true;
    if (!response.writableFinished) received.abortedMs = performance.now();
  });
  return received;
}

function nextScript(state: State, model: string): Script {
  const queued = state.scripts.shift();
  if (queued !== undefined) return { ...PLAIN, ...queued };
  const script = { ...PLAIN, ...scriptOfModel(model) };
  const uses = (state.uses.get(model) ?? 0) + 1;
  state.uses.set(model, uses);
  return uses > script.times ? { ...script, fault: 'none' } : script;
}

function answerModels({ models }: State, response: ServerResponse) {
  if (typeof models === 'number') return json(response, models, { error: { message: 'no' } });
  if (!Array.isArray(models)) return json(response, 200, models);
  const data = models.map((id) => ({
    id,
    object: 'model',
    created: CREATED,
    owned_by: 'scripted',
  }));
  return json(response, 200, { object: 'list', data });
}

function answerEmbeddings(
  response: ServerResponse,
  body: { model: string; input: string | string[]; dimensions?: number; encoding_format?: string },
) {
  const inputs = Array.isArray(body.input) ? body.input : [body.input];
  const vectors = inputs.map((input) => embedding(String(input), body.dimensions ?? 8));
  const data = vectors.map((vector, index) => ({
    object: 'embedding',
    index,
    embedding:
      body.encoding_format === 'base64'
        ? Buffer.from(Float32Array.from(vector).buffer).toString('base64')
        : vector,
  }));
  const usage = { prompt_tokens: inputs.length * 2, total_tokens: inputs.length * 2 };
  return json(response, 200, { object: 'list', data, model: body.model, usage });
}

async function answerWhole(response: ServerResponse, asked: Asked, script: Script) {
  const body = wholeAnswer(asked, script.frames, script.fault !== 'no-usage');
  const bytes = Buffer.from(JSON.stringify(body));
  const half = bytes.subarray(0, bytes.length / 2);
  switch (script.fault) {
    case 'hang-after-head':
    case 'stall':
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': bytes.length,
      });
      response.write(half);
      return;
    case 'cut':
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': bytes.length,
      });
      response.write(half);
      await delay(10);
      response.socket?.resetAndDestroy();
      return;
    case 'early-end':
    case 'malformed-frame':
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(half);
      return;
    case 'error-first':
      return json(response, 200, { error: { message: 'the engine died', code: 500 } });
    case 'refusal-first':
      return json(response, 200, REFUSAL);
    default:
      return json(response, 200, body);
  }
}
