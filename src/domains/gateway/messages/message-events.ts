import { isJsonObject, type JsonObject } from '../field-checks.ts';
import type { ReportedUsage } from '../stream-dialect.ts';
import { BlockWriter } from './block-writer.ts';
import { reportedByChat, translatedUsage } from './chat-usage.ts';
import { reasoningText, toolUseBlock } from './content-of-message.ts';
import { estimateInput } from './estimate-input.ts';
import { messageEnvelope, stopFields } from './message-envelope.ts';
import { ToolCalls } from './tool-calls.ts';

const CHARACTERS_PER_TOKEN = 4;
const NOTHING_YET = {
  input_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  output_tokens: 0,
  output_tokens_details: null,
  server_tool_use: null,
};

/** The chunks of a chat completion as the events of the message that answers `request`. */
export class MessageEvents {
  readonly #request: JsonObject;
  readonly #fallbackId: string;
  readonly #blocks = new BlockWriter();
  #calls: ToolCalls | undefined;
  #usage: unknown;
  #finishReason: string | undefined;
  #matched: unknown;
  #hasCalled = false;
  #characters = 0;
  #isBegun = false;
  #isEnded = false;

  constructor(request: JsonObject, fallbackId: string) {
    this.#request = request;
    this.#fallbackId = fallbackId;
  }

  get reported(): ReportedUsage {
    return reportedByChat(this.#usage);
  }

  /** The message has its first event. */
  get begun(): boolean {
    return this.#isBegun;
  }

  /** The upstream has said why its answer ends. */
  get finished(): boolean {
    return this.#finishReason !== undefined;
  }

  /** The events for one chunk; may be none. */
  take(chunk: JsonObject): string {
    this.#usage = isJsonObject(chunk['usage']) ? chunk['usage'] : this.#usage;
    const choice: unknown = Array.isArray(chunk['choices']) ? chunk['choices'][0] : undefined;
    if (isJsonObject(choice)) this.#takeChoice(chunk, choice);
    return this.#blocks.taken();
  }

  /** The events that end the message. The usage comes after the last content, so they are held back until then. */
  end(): string {
    if (this.#isEnded) return '';
    this.#isEnded = true;
    this.#begin({});
    this.#endCalls();
    this.#blocks.stop();
    const told = { called: this.#hasCalled, matched: this.#matched };
    const usage = translatedUsage(this.reported, () => ({
      promptTokens: estimateInput(this.#request),
      completionTokens: Math.ceil(this.#characters / CHARACTERS_PER_TOKEN),
    }));
    const delta = { ...stopFields(this.#finishReason ?? 'stop', told), container: null };
    this.#blocks.event('message_delta', { delta, usage });
    this.#blocks.event('message_stop', {});
    return this.#blocks.taken();
  }

  #takeChoice(chunk: JsonObject, choice: JsonObject): void {
    const { delta, finish_reason: reason, stop_reason: matched } = choice;
    if (isJsonObject(delta)) this.#takeDelta(chunk, delta);
    if (typeof reason !== 'string') return;
    this.#begin(chunk);
    this.#finishReason = reason;
    this.#matched = matched;
  }

  #takeDelta(chunk: JsonObject, delta: JsonObject): void {
    const { content, refusal, tool_calls: calls, thinking_blocks: signed } = delta;
    const thought = reasoningText(delta);
    // A chunk with the role alone is no content: until there is some, another attempt may take over.
    if (thought !== '') this.#think(chunk, thought);
    if (Array.isArray(signed)) for (const block of signed) this.#sign(chunk, block);
    for (const text of [content, refusal])
      if (typeof text === 'string' && text !== '') this.#say(chunk, text);
    if (Array.isArray(calls) && calls.length > 0) this.#call(chunk, calls);
  }

  #begin({ id }: JsonObject): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    const envelope = {
      id: typeof id === 'string' && id !== '' ? id : this.#fallbackId,
      model: String(this.#request['model']),
    };
    const message = messageEnvelope(envelope, { content: [], usage: NOTHING_YET });
    this.#blocks.event('message_start', { message });
  }

  #say(chunk: JsonObject, text: string): void {
    this.#begin(chunk);
    this.#endCalls();
    if (this.#blocks.open !== 'text')
      this.#blocks.start('text', { type: 'text', text: '', citations: null });
    this.#blocks.delta({ type: 'text_delta', text });
    this.#characters += text.length;
  }

  #think(chunk: JsonObject, thinking: string): void {
    this.#begin(chunk);
    this.#endCalls();
    this.#openThinking();
    this.#blocks.delta({ type: 'thinking_delta', thinking });
    this.#characters += thinking.length;
  }

  /** The signature of what was thought so far, which ends its block; or thoughts that nobody may read. */
  #sign(chunk: JsonObject, block: unknown): void {
    if (!isJsonObject(block)) return;
    this.#begin(chunk);
    this.#endCalls();
    if (block['type'] !== 'thinking') {
      this.#blocks.whole(block);
      return;
    }
    this.#openThinking();
    this.#blocks.delta({ type: 'signature_delta', signature: block['signature'] });
    this.#blocks.stop();
  }

  #openThinking(): void {
    if (this.#blocks.open === 'thinking') return;
    this.#blocks.start('thinking', { type: 'thinking', thinking: '', signature: '' });
  }

  #call(chunk: JsonObject, pieces: readonly unknown[]): void {
    this.#begin(chunk);
    this.#hasCalled = true;
    this.#calls ??= this.#toolCalls();
    this.#calls.take(pieces);
  }

  #endCalls(): void {
    this.#calls?.end();
  }

  #toolCalls(): ToolCalls {
    const blocks = this.#blocks;
    return new ToolCalls(
      {
        open: ({ id, name, extra }) => blocks.start('tool_use', toolUseBlock(id, name, extra)),
        write: (text) => {
          this.#characters += text.length;
          blocks.delta({ type: 'input_json_delta', partial_json: text });
        },
        close: () => blocks.stop(),
      },
      this.#fallbackId,
    );
  }
}
