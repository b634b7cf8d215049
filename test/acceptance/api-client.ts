import { type Agent, request } from 'undici';

export interface Call {
  readonly method?: string;
  readonly path: string;
  readonly key?: string;
  readonly json?: unknown;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as JSON; fails the test when it is none. */
  readonly json: Record<string, unknown>;
  readonly requestId: string;
}

const TIMEOUT_MS = 120_000;

/** Sends one request and reads its whole answer. */
export async function call(url: string, options: Call, dispatcher?: Agent): Promise<Answer> {
  const { method, path, key, json, body, headers } = options;
  const answer = await request(url + path, {
    method: (method ?? (json === undefined && body === undefined ? 'GET' : 'POST')) as 'GET',
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body: json === undefined ? body : JSON.stringify(json),
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    ...(dispatcher === undefined ? {} : { dispatcher }),
  });
  const text = await answer.body.text();
  return {
    status: answer.statusCode,
    headers: answer.headers,
    text,
    get json() {
      return JSON.parse(text) as Record<string, unknown>;
    },
    requestId: String(answer.headers['x-request-id'] ?? ''),
  };
}

/** A chat completion in one piece. */
export function chat(target: { url: string; key: string; model: string }): Promise<Answer> {
  const { url, key, model } = target;
  const messages = [{ role: 'user', content: 'say hello' }];
  return call(url, { path: '/v1/chat/completions', key, json: { model, messages } });
}

export interface RunningStream {
  readonly requestId: string;
  /** Everything that came, once the stream is over. */
  readonly whole: Promise<string>;
}

/** A streamed chat completion; resolves when its first bytes are here. */
export async function openStream(target: {
  url: string;
  key: string;
  model: string;
}): Promise<RunningStream> {
  const { url, key, model } = target;
  const messages = [{ role: 'user', content: 'count' }];
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages, stream: true }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (answer.status !== 200 || answer.body === null)
    throw new Error(`the stream was answered ${answer.status}: ${await answer.text()}`);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  const first = await reader.read();
  return {
    requestId: answer.headers.get('x-request-id') ?? '',
    whole: restOf(reader, first.value ?? ''),
  };
}

async function restOf(reader: ReadableStreamDefaultReader<string>, first: string): Promise<string> {
  let text = first;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += value;
  }
}

/** How many usage records each request id has, over all pages. */
export async function usageByRequest(url: string, key: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  let after = '';
  for (;;) {
    const page = await call(url, { path: `/api/v1/usage?limit=100${after}`, key });
    if (page.status !== 200) throw new Error(`usage was answered ${page.status}: ${page.text}`);
    const records = page.json['data'] as { id: string; request_id: string }[];
    for (const { request_id: id } of records) counts.set(id, (counts.get(id) ?? 0) + 1);
    if (page.json['has_more'] !== true) return counts;
    after = `&after=${records.at(-1)?.id}`;
  }
}
