import { Agent, request } from 'undici';

const STREAMS = 12;
const POSTS = 4;
const TIMEOUT_MS = 60_000;

export interface StreamOutcome {
  readonly requestId: string;
  readonly isComplete: boolean;
  /** How the connection ended when it was cut. */
  readonly cut?: string;
}

export interface PostOutcome {
  readonly requestId: string;
  readonly status: number;
  readonly text: string;
}

export interface LoadOutcome {
  readonly streams: readonly StreamOutcome[];
  readonly posts: readonly PostOutcome[];
}

export interface SteadyLoad {
  /** Resolves when every client has had at least one more whole turn. */
  nextTurn(): Promise<void>;
  /** No new calls; resolves when the running ones have ended. */
  stop(): Promise<LoadOutcome>;
}

interface Target {
  readonly url: string;
  readonly key: string;
  readonly streamModel: string;
  readonly postModel: string;
}

/** Clients that open one paced stream after the other, and others that call without streaming, until it is stopped. */
export function startSteadyLoad(target: Target): SteadyLoad {
  // A connection for each call: on one that stood idle, Nginx's own closing at a reload would race with the client.
  const dispatcher = new Agent({ pipelining: 0 });
  const streams: StreamOutcome[] = [];
  const posts: PostOutcome[] = [];
  const turns: number[] = [];
  let isStopping = false;
  const repeat = async (turn: () => Promise<void>): Promise<void> => {
    const client = turns.push(0) - 1;
    while (!isStopping) {
      await turn();
      turns[client] = (turns[client] ?? 0) + 1;
    }
  };
  const clients = [
    ...Array.from({ length: STREAMS }, () =>
      repeat(async () => void streams.push(await stream(target, dispatcher))),
    ),
    ...Array.from({ length: POSTS }, () =>
      repeat(async () => void posts.push(await post(target, dispatcher))),
    ),
  ];
  const all = Promise.all(clients);
  all.catch(() => undefined);
  return {
    nextTurn: async () => {
      const before = [...turns];
      const isBehind = () => turns.some((count, client) => count < (before[client] ?? 0) + 2);
      while (isBehind()) await new Promise((wake) => setTimeout(wake, 20));
    },
    stop: async () => {
      isStopping = true;
      await all;
      await dispatcher.close();
      return { streams, posts };
    },
  };
}

async function stream(target: Target, dispatcher: Agent): Promise<StreamOutcome> {
  const answer = await send(target, target.streamModel, true, dispatcher);
  const requestId = String(answer.headers['x-request-id']);
  let text = '';
  try {
    for await (const chunk of answer.body) text += String(chunk);
  } catch (error) {
    return { requestId, isComplete: false, cut: (error as Error).message };
  }
  const isComplete =
    answer.statusCode === 200 &&
    text.includes('"finish_reason":"stop"') &&
    text.trimEnd().endsWith('data: [DONE]');
  return { requestId, isComplete, ...(isComplete ? {} : { cut: text.slice(-300) }) };
}

async function post(target: Target, dispatcher: Agent): Promise<PostOutcome> {
  const answer = await send(target, target.postModel, false, dispatcher);
  const text = await answer.body.text();
  return { requestId: String(answer.headers['x-request-id']), status: answer.statusCode, text };
}

const send = (target: Target, model: string, stream: boolean, dispatcher: Agent) =>
  request(`${target.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${target.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'count' }] }),
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    dispatcher,
  });
