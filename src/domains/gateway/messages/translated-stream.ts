import { isJsonObject, type JsonObject } from '../field-checks.ts';
import { FrameReader } from '../frame-reader.ts';
import { failureOfErrorEvent } from '../in-band-error.ts';
import { openAiDialect } from '../openai-dialect.ts';
import type { StreamAnswer, UpstreamRequest } from '../provider.ts';
import { dataOf } from '../sse-frames.ts';
import type { ReportedUsage } from '../stream-dialect.ts';
import { garbage } from '../upstream-failure.ts';
import { MessageEvents } from './message-events.ts';

const END: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** The frames of a chat completion as the bytes of a message, one piece for each that arrives. */
export class TranslatedStream implements AsyncIterator<Buffer> {
  readonly #frames: FrameReader;
  readonly #events: MessageEvents;
  #failure: { readonly error: unknown } | undefined;

  constructor(answer: StreamAnswer, { json, requestId }: UpstreamRequest) {
    this.#frames = new FrameReader(answer);
    this.#events = new MessageEvents(json, requestId);
  }

  get reported(): ReportedUsage {
    return this.#events.reported;
  }

  /** Reads until there is something to tell. Rejects when the stream breaks, behind what came before that. */
  async next(): Promise<IteratorResult<Buffer, undefined>> {
    if (this.#failure !== undefined) throw this.#failure.error;
    for (
      let batch = await this.#frames.next();
      batch !== undefined;
      batch = await this.#frames.next()
    ) {
      const text = this.#translated(batch);
      if (text !== '') return { done: false, value: Buffer.from(text) };
    }
    // Some servers end without their last event; without a reason to end it is no end.
    const text = this.#events.finished ? this.#events.end() : '';
    return text === '' ? END : { done: false, value: Buffer.from(text) };
  }

  #translated(batch: readonly Buffer[]): string {
    let text = '';
    try {
      for (const frame of batch) text += eventsOf(frame, this.#events);
    } catch (error) {
      if (text === '') throw error;
      this.#failure = { error };
    }
    return text;
  }
}

function eventsOf(frame: Buffer, events: MessageEvents): string {
  const facts = openAiDialect.factsOf(frame);
  switch (facts.kind) {
    case 'content':
      return events.take(chunkIn(frame));
    case 'done':
      if (!events.begun) throw garbage('The upstream ended its stream before any content.');
      return events.end();
    case 'error':
      throw failureOfErrorEvent(facts.error);
    case 'broken':
      throw notJson();
    default:
      return '';
  }
}

function chunkIn(frame: Buffer): JsonObject {
  let chunk: unknown;
  try {
    chunk = JSON.parse(dataOf(frame)?.toString('utf8') ?? '');
  } catch (cause) {
    throw notJson(cause);
  }
  if (!isJsonObject(chunk)) throw notJson();
  return chunk;
}

const notJson = (cause?: unknown) => garbage('The upstream sent an event that is no JSON.', cause);
