import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface LenientUpstream {
  readonly baseUrl: string;
  close(): Promise<void>;
}

const USAGE = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
const MODELS = { object: 'list', data: [{ id: 'scripted-chat' }, { id: 'scripted-embedding' }] };
/** Right for every endpoint: each reads the fields that it knows. */
const ANSWER = {
  id: 'answer',
  object: 'chat.completion',
  created: 1,
  model: 'scripted-chat',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'yes' },
      text: 'yes',
      finish_reason: 'stop',
    },
  ],
  data: [{ object: 'embedding', index: 0, embedding: [0.5, 0.5] }],
  results: [{ index: 0, relevance_score: 0.5 }],
  text: 'yes',
  usage: USAGE,
};
const FRAMES = [
  {
    ...ANSWER,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta: { content: 'yes' } }],
  },
  { ...ANSWER, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
];

/** An upstream that is content with everything it is sent, so that whatever goes wrong is not its doing. */
export async function startLenientUpstream(): Promise<LenientUpstream> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString('latin1');
  if (/"stream"\s*:\s*true/.test(body)) {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const frame of FRAMES) response.write(`data: ${JSON.stringify(frame)}\n\n`);
    response.end('data: [DONE]\n\n');
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(request.method === 'GET' ? MODELS : ANSWER));
}
