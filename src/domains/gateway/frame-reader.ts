import type { StreamAnswer } from './provider.ts';
import { FrameSplitter, FrameTooLongError } from './sse-frames.ts';
import { garbage } from './upstream-failure.ts';

const BLANK_LINE = Buffer.from('\n\n');

/** Reads whole frames of an accepted stream, a batch for each chunk that arrives. */
export class FrameReader {
  readonly #answer: StreamAnswer;
  readonly #splitter = new FrameSplitter();
  #ended = false;

  constructor(answer: StreamAnswer) {
    this.#answer = answer;
  }

  /** The next frames, never an empty batch; undefined at the end. Rejects when the stream breaks. */
  async next(): Promise<readonly Buffer[] | undefined> {
    while (!this.#ended) {
      const { value, done } = await this.#answer.chunks.next();
      const frames = done === true ? this.#last() : this.#split(value);
      if (frames.length > 0) return frames;
    }
    return undefined;
  }

  /** Stops reading; `complete` when everything that matters was read. */
  release(complete: boolean): void {
    this.#answer.release(complete);
  }

  #split(chunk: Buffer): Buffer[] {
    try {
      return this.#splitter.push(chunk);
    } catch (error) {
      if (error instanceof FrameTooLongError)
        throw garbage(`In the upstream's stream ${error.message}.`);
      throw error;
    }
  }

  // Some servers leave out the last blank line; without it a client would not see the event.
  #last(): Buffer[] {
    this.#ended = true;
    const rest = this.#splitter.rest();
    return rest.toString('latin1').trim() === '' ? [] : [Buffer.concat([rest, BLANK_LINE])];
  }
}
