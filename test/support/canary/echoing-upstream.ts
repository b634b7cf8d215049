import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface EchoingUpstream {
  /** With `/v1` at the end. */
  readonly baseUrl: string;
  /** Every header and body that it was sent. */
  readonly received: readonly string[];
  close(): Promise<void>;
}

/** How each model fails; the name is what clients ask for. */
export const ECHO_MODELS = [
  'echo-200',
  'echo-400',
  'echo-401',
  'echo-403',
  'echo-404',
  'echo-422',
  'echo-429',
  'echo-500',
  'echo-503',
  'echo-529',
  'echo-html',
  'echo-error-in-200',
  'echo-garbage',
  'echo-reset',
] as const;

/** An upstream that quotes the headers and the body of the request in every error. */
export async function startEchoingUpstream(): Promise<EchoingUpstream> {
  const received: string[] = [];
  const server = createServer((request, response) => {
    answer(request, response, received).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    received,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, received: string[]) {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString('utf8');
  const quoted = `you sent ${JSON.stringify(request.headers)} ${request.url} ${body}`;
  received.push(quoted);
  if (request.method === 'GET') {
    const data = ECHO_MODELS.map((id) => ({ id, object: 'model', created: 1, owned_by: 'echo' }));
    return send(response, 200, { object: 'list', data });
  }
  const model = /echo-[\w-]+/.exec(body)?.[0] ?? 'echo-500';
  if (/"stream"\s*:\s*true/.test(body)) return streamed(response, model, quoted);
  whole(response, model, quoted);
}

function whole(response: ServerResponse, model: string, quoted: string): void {
  const error = errorOf(quoted);
  const status = Number(/^echo-(\d+)$/.exec(model)?.[1] ?? 200);
  if (model === 'echo-reset') return void response.destroy();
  if (model === 'echo-garbage') return void response.end(`no JSON: ${quoted}`);
  if (model === 'echo-html') return sendText(response, 502, `<html>${quoted}</html>`);
  if (model === 'echo-error-in-200') return send(response, 200, { error });
  if (status !== 200) return send(response, status, { error });
  send(response, 200, {
    id: 'answer',
    object: 'chat.completion',
    created: 1,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content: 'yes' }, finish_reason: 'stop' }],
    data: [{ object: 'embedding', index: 0, embedding: [0.5, 0.5] }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  });
}

/** The error comes after the first event, when the status can no longer tell of it. */
function streamed(response: ServerResponse, model: string, quoted: string): void {
  if (model !== 'echo-200' && model !== 'echo-error-in-200') return whole(response, model, quoted);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const choices = [{ index: 0, delta: { content: 'yes' }, finish_reason: null }];
  const chunk = { id: 'a', object: 'chat.completion.chunk', created: 1, model, choices };
  response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  if (model === 'echo-200') {
    const last = [{ index: 0, delta: {}, finish_reason: 'stop' }];
    response.write(`data: ${JSON.stringify({ ...chunk, choices: last })}\n\n`);
    response.end('data: [DONE]\n\n');
    return;
  }
  response.end(`data: ${JSON.stringify({ error: errorOf(quoted) })}\n\n`);
}

const errorOf = (quoted: string) => ({
  message: quoted,
  type: 'server_error',
  param: quoted.slice(0, 2_000),
  code: 'odd_error',
});

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/html' });
  response.end(text);
}
