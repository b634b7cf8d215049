import type { JsonObject } from '../field-checks.ts';

/** Writes the content blocks of one message as events, one open block at a time. */
export class BlockWriter {
  #text = '';
  #index = -1;
  #open: 'text' | 'thinking' | 'tool_use' | undefined;

  /** The type of the block that is being written. */
  get open(): string | undefined {
    return this.#open;
  }

  /** The events since the last call. */
  taken(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }

  event(type: string, fields: JsonObject): void {
    this.#text += `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
  }

  /** Begins a block, after the end of the one before it. */
  start(type: 'text' | 'thinking' | 'tool_use', block: JsonObject): void {
    this.stop();
    this.#index += 1;
    this.#open = type;
    this.event('content_block_start', { index: this.#index, content_block: block });
  }

  delta(delta: JsonObject): void {
    this.event('content_block_delta', { index: this.#index, delta });
  }

  stop(): void {
    if (this.#open === undefined) return;
    this.#open = undefined;
    this.event('content_block_stop', { index: this.#index });
  }

  /** A block that comes as a whole. */
  whole(block: JsonObject): void {
    this.stop();
    this.#index += 1;
    this.event('content_block_start', { index: this.#index, content_block: block });
    this.event('content_block_stop', { index: this.#index });
  }
}
