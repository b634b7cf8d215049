import { isJsonObject, type JsonObject } from '../field-checks.ts';
import { dataOf, FrameSplitter } from '../sse-frames.ts';
import type { Guardrail } from './guardrail.ts';
import { HeldTexts } from './held-texts.ts';
import type { Inspection } from './inspect-texts.ts';
import { mapAnswerTexts, withoutLogprobs } from './map-texts.ts';

const DONE = '[DONE]';
const EVERYTHING = () => true;

/**
 * The events of an answer, as the guardrails leave them. Texts come a little later than the model writes them: the end
 * of each is held back until it is known to be harmless. When one is denied, an error event is the last.
 */
export async function* guardedStream(
  body: AsyncIterable<Uint8Array>,
  inspection: Inspection,
  deny: (guardrail: Guardrail) => Buffer,
): AsyncGenerator<Uint8Array, void, void> {
  const splitter = new FrameSplitter();
  const events = new GuardedEvents(inspection);
  for await (const chunk of body) {
    for (const frame of splitter.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))) {
      const shown = events.take(frame);
      const { denial } = inspection;
      if (denial !== undefined) return yield deny(denial);
      yield* shown;
    }
  }
  const rest = events.finish(EVERYTHING);
  const { denial } = inspection;
  if (denial !== undefined) return yield deny(denial);
  yield* rest;
}

class GuardedEvents {
  readonly #texts: HeldTexts;
  /** The last event with a text, by the place of the text: what is held back is shown in one like it. */
  readonly #last = new Map<string, { frame: Buffer; json: JsonObject }>();

  constructor(inspection: Inspection) {
    this.#texts = new HeldTexts(inspection.guardrails, inspection.inspect);
  }

  /** The events to show in place of this one. */
  take(frame: Buffer): Buffer[] {
    const data = dataOf(frame)?.toString('utf8');
    if (data === undefined) return [frame];
    if (data === DONE) return [...this.finish(EVERYTHING), frame];
    const json = parsed(data);
    if (json === undefined) return [frame];
    const isEnded = endedTexts(json);
    const shown = mapAnswerTexts(withoutLogprobs(json), (text, path) => {
      if (isEnded(path)) return this.#texts.end(path, text);
      this.#last.set(path, { frame, json });
      return this.#texts.add(path, text);
    });
    return [...this.finish(isEnded), shown === json ? frame : withData(frame, shown)];
  }

  /** Events for what was held back of the texts that have come to their end. */
  finish(isEnded: (path: string) => boolean): Buffer[] {
    const events: Buffer[] = [];
    for (const [path, rest] of this.#texts.finish(isEnded)) {
      const last = this.#last.get(path);
      if (last === undefined || rest === '') continue;
      const json = mapAnswerTexts(withoutLogprobs(last.json), (_text, at) =>
        at === path ? rest : '',
      );
      events.push(withData(last.frame, json));
    }
    return events;
  }
}

const NOTHING = () => false;

/** Which texts have no more pieces after this event: OpenAI's `finish_reason`, Anthropic's end of a block. */
function endedTexts({ type, index, choices }: JsonObject): (path: string) => boolean {
  if (type === 'message_delta' || type === 'message_stop') return EVERYTHING;
  if (type === 'content_block_stop') return (path) => path.startsWith(`#${String(index)}`);
  if (!Array.isArray(choices)) return NOTHING;
  const ended = choices
    .filter(isJsonObject)
    .filter((choice) => typeof choice['finish_reason'] === 'string')
    .map((choice) => `choices#${String(choice['index'])}.`);
  return ended.length === 0 ? NOTHING : (path) => ended.some((place) => path.startsWith(place));
}

function parsed(data: string): JsonObject | undefined {
  try {
    const json: unknown = JSON.parse(data);
    return isJsonObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

/** The same event with other data: its name stays. */
function withData(frame: Buffer, json: JsonObject): Buffer {
  const name = /^event:[^\r\n]*/m.exec(frame.toString('utf8'))?.[0];
  const data = `data: ${JSON.stringify(json)}\n\n`;
  return Buffer.from(name === undefined ? data : `${name}\n${data}`);
}
