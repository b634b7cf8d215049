import { isJsonObject, type JsonObject } from '../field-checks.ts';

interface OpenCall {
  id: string;
  name: string;
  extra: unknown;
  /** Sent to the client. */
  sent: string;
  /** Not sent yet: another call is being told. */
  waiting: string;
}

/** Where the events of a call go: one block at a time. */
export interface CallBlocks {
  open(call: { id: string; name: string; extra: unknown }): void;
  write(text: string): void;
  close(): void;
}

/**
 * The tool calls of one stream. Anthropic's clients read one block after the other, while OpenAI's stream may mix its
 * calls: a call waits until the arguments of the one before it are whole.
 */
export class ToolCalls {
  readonly #blocks: CallBlocks;
  readonly #fallbackId: string;
  /** By the index of the upstream, in the order of their beginnings. */
  readonly #calls = new Map<number, OpenCall>();
  /** Calls that are told to their ends. */
  #closed = 0;
  #isOpen = false;
  #begun = 0;

  constructor(blocks: CallBlocks, fallbackId: string) {
    this.#blocks = blocks;
    this.#fallbackId = fallbackId;
  }

  /** Any call so far. */
  get any(): boolean {
    return this.#begun > 0;
  }

  /** Takes the pieces of one event. */
  take(pieces: readonly unknown[]): void {
    for (const [position, piece] of pieces.entries())
      if (isJsonObject(piece)) this.#take(piece, position);
    this.#tell(false);
  }

  /** Nothing more is to come for the calls so far. */
  end(): void {
    this.#tell(true);
    this.#calls.clear();
    this.#closed = 0;
  }

  #take(piece: JsonObject, position: number): void {
    const { id, function: called, extra_content: extra } = piece;
    const { name, arguments: text } = isJsonObject(called) ? called : {};
    const index = typeof piece['index'] === 'number' ? piece['index'] : position;
    const call = this.#calls.get(index) ?? this.#begin(index);
    if (typeof id === 'string' && id !== '') call.id = id;
    if (typeof name === 'string' && name !== '') call.name = name;
    call.extra = extra ?? call.extra;
    call.waiting +=
      typeof text === 'string' ? text : isJsonObject(text) ? JSON.stringify(text) : '';
  }

  #begin(index: number): OpenCall {
    const id = `toolu_${this.#fallbackId}_${this.#begun}`;
    const call: OpenCall = { id, name: '', extra: undefined, sent: '', waiting: '' };
    this.#begun += 1;
    this.#calls.set(index, call);
    return call;
  }

  #tell(isEnd: boolean): void {
    const calls = [...this.#calls.values()];
    for (let call = calls[this.#closed]; call !== undefined; call = calls[this.#closed]) {
      if (call.name === '' && !isEnd) return;
      this.#tellOne(call);
      const isOver = isEnd || (this.#closed < calls.length - 1 && isWhole(call.sent));
      if (!isOver) return;
      this.#blocks.close();
      this.#isOpen = false;
      this.#closed += 1;
    }
  }

  #tellOne(call: OpenCall): void {
    if (!this.#isOpen) this.#blocks.open(call);
    this.#isOpen = true;
    if (call.waiting === '') return;
    this.#blocks.write(call.waiting);
    call.sent += call.waiting;
    call.waiting = '';
  }
}

/** Nothing is not whole: the arguments may come after the names of all calls. */
function isWhole(text: string): boolean {
  if (!text.trimStart().startsWith('{')) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
