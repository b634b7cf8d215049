const LF = 0x0a;
const CR = 0x0d;
const NOTHING = Buffer.alloc(0);

/** An event longer than this is no event: the upstream is broken, or hostile. */
export const FRAME_BYTES_MAX = 8 * 1024 * 1024;

export class FrameTooLongError extends Error {
  constructor() {
    super(`an event of the stream is longer than ${FRAME_BYTES_MAX} bytes`);
    this.name = 'FrameTooLongError';
  }
}

/**
 * Cuts a byte stream into server-sent events without decoding it: text that is split inside a character stays whole,
 * and the frames put together are the stream again, byte for byte. A frame ends with its blank line (`\n\n`, `\r\n\r\n`).
 */
export class FrameSplitter {
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** What the pending bytes end with: 0 text, 1 one line end, 2 a line end and a CR. */
  #lineEnd: 0 | 1 | 2 = 0;

  /** The frames that `chunk` completes. */
  push(chunk: Buffer): Buffer[] {
    const frames: Buffer[] = [];
    let start = 0;
    let from = 0;
    for (;;) {
      const end = this.#frameEnd(chunk, from);
      if (end < 0) break;
      frames.push(this.#take(chunk.subarray(start, end)));
      start = end;
      from = end;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    return frames;
  }

  /** The bytes after the last blank line: a frame that its upstream did not end properly. */
  rest(): Buffer {
    return this.#take(NOTHING);
  }

  /** Index behind the next blank line at or after `from`, or -1. Jumps from line end to line end. */
  #frameEnd(chunk: Buffer, from: number): number {
    let position = from;
    while (position < chunk.length) {
      if (this.#lineEnd > 0) {
        const byte = chunk[position];
        if (byte === LF) {
          this.#lineEnd = 0;
          return position + 1;
        }
        this.#lineEnd = byte === CR && this.#lineEnd === 1 ? 2 : 0;
        position += 1;
        continue;
      }
      const lineEnd = chunk.indexOf(LF, position);
      if (lineEnd < 0) return -1;
      this.#lineEnd = 1;
      position = lineEnd + 1;
    }
    return -1;
  }

  #take(tail: Buffer): Buffer {
    if (this.#pending.length === 0) return tail;
    const frame = Buffer.concat([...this.#pending, tail]);
    this.#pending = [];
    this.#pendingBytes = 0;
    return frame;
  }

  #keep(bytes: Buffer): void {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes > FRAME_BYTES_MAX) throw new FrameTooLongError();
  }
}

/** The bytes of frames one behind the other. Those of one chunk lie side by side in it, so mostly nothing is copied. */
export function joinedFrames(frames: readonly Buffer[]): Buffer {
  const [first] = frames;
  if (first === undefined) return Buffer.concat(frames);
  let end = first.byteOffset;
  for (const { buffer, byteOffset, length } of frames) {
    if (buffer !== first.buffer || byteOffset !== end) return Buffer.concat(frames);
    end += length;
  }
  return Buffer.from(first.buffer, first.byteOffset, end - first.byteOffset);
}

/** The payload of a frame: its `data:` lines joined, or undefined for comments and other events. */
export function dataOf(frame: Buffer): Buffer | undefined {
  if (startsWithData(frame, 0)) return firstLineOnly(frame) ?? joinedData(frame);
  return frame.includes('data:') ? joinedData(frame) : undefined;
}

// The usual frame is one `data:` line and its blank line: no copy, no decoding.
function firstLineOnly(frame: Buffer): Buffer | undefined {
  const lineEnd = frame.indexOf(LF);
  if (lineEnd < 0) return trimmed(frame.subarray(5));
  for (let index = lineEnd + 1; index < frame.length; index += 1) {
    if (frame[index] !== LF && frame[index] !== CR) return undefined;
  }
  return trimmed(frame.subarray(5, lineEnd));
}

function joinedData(frame: Buffer): Buffer | undefined {
  const lines = frame
    .toString('latin1')
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(5).trim());
  return lines.length === 0 ? undefined : Buffer.from(lines.join('\n'), 'latin1');
}

function startsWithData(frame: Buffer, at: number): boolean {
  return frame.length >= at + 5 && frame.toString('latin1', at, at + 5) === 'data:';
}

function trimmed(bytes: Buffer): Buffer {
  let start = 0;
  let end = bytes.length;
  while (start < end && isSpace(bytes[start])) start += 1;
  while (end > start && isSpace(bytes[end - 1])) end -= 1;
  return bytes.subarray(start, end);
}

const isSpace = (byte: number | undefined) =>
  byte === 0x20 || byte === CR || byte === LF || byte === 0x09;
