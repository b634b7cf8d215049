import type { Deployment, Endpoint } from '../../models/index.ts';
import { invalidValue } from '../errors.ts';
import type { JsonAnswer, Provider, StreamAnswer, UpstreamRequest } from '../provider.ts';
import { chatRequest } from './chat-request.ts';
import { reportedByChat } from './chat-usage.ts';
import { ignoredHeaderValue } from './ignored-header.ts';
import { messageAnswer } from './message-answer.ts';
import { TranslatedStream } from './translated-stream.ts';

const IGNORED_HEADER = 'x-llamp-ignored';

export type Speaker = Pick<Provider, 'complete' | 'stream'>;

/** Who speaks to `deployment`: its provider itself, or through a translation where it has no messages. */
export function speakerFor(
  provider: Provider,
  { serves }: Deployment,
  endpoint: Endpoint,
): Speaker {
  if (endpoint !== 'messages' || serves.has('messages')) return provider;
  return new TranslatingProvider(provider);
}

/** Anthropic's messages over any provider of chat completions. */
export class TranslatingProvider implements Speaker {
  readonly #chat: Speaker;

  constructor(chat: Speaker) {
    this.#chat = chat;
  }

  async complete(request: UpstreamRequest): Promise<JsonAnswer> {
    const { request: asked, headers: own } = chatCall(request);
    const answer = await this.#chat.complete(asked);
    const reported = reportedByChat(answer.json['usage']);
    const json = messageAnswer(answer.json, request.json, reported);
    const headers = mergedHeaders(answer.headers, own);
    return { headers, body: Buffer.from(JSON.stringify(json)), json, reported };
  }

  async stream(request: UpstreamRequest): Promise<StreamAnswer> {
    const { request: asked, headers: own } = chatCall(request);
    const answer = await this.#chat.stream(asked);
    const translated = new TranslatedStream(answer, request);
    return {
      headers: mergedHeaders(answer.headers, own),
      chunks: translated,
      reported: () => translated.reported,
      release: (complete) => answer.release(complete),
    };
  }
}

function chatCall(request: UpstreamRequest) {
  const { chat, bytes, ignored } = translated(request);
  const asked: UpstreamRequest = {
    ...request,
    endpoint: 'chat.completions',
    json: chat,
    bytes,
    usageAsked: true,
    headers: undefined,
  };
  const headers: Record<string, string> =
    ignored.length === 0 ? {} : { [IGNORED_HEADER]: ignoredHeaderValue(ignored) };
  return { request: asked, headers };
}

/** What was parsed without recursion may be nested deeper than the stack, on which it is written. */
function translated({ json, deployment }: UpstreamRequest) {
  try {
    const { json: chat, ignored } = chatRequest(json, deployment);
    return { chat, bytes: Buffer.from(JSON.stringify(chat)), ignored };
  } catch (error) {
    if (error instanceof RangeError) throw invalidValue('messages', 'it is nested too deeply');
    throw error;
  }
}

/** Our provider may have left something out as well. */
function mergedHeaders(
  given: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  const ignored = [own[IGNORED_HEADER], given[IGNORED_HEADER]].filter((names) => names);
  const merged: Record<string, string> = { ...given };
  if (ignored.length > 0) merged[IGNORED_HEADER] = ignored.join(', ');
  return merged;
}
