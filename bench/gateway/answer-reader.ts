const CR_LF = '\r\n';
const HEAD_END = Buffer.from('\r\n\r\n');
const LF = 10;

/** Reads one HTTP answer from the bytes of a socket and notes when its parts came. */
export class AnswerReader {
  status = 0;
  /** When the first byte of the body came; 0 before. */
  firstByteMs = 0;
  /** The longest silence between two pieces of the body. */
  longestGapMs = 0;
  /** Blank lines of an event stream: its events. */
  events = 0;
  complete = false;
  #lastMs = 0;
  #pending: Buffer = Buffer.alloc(0);
  /** Bytes of the body, or of its current chunk, that have not come yet. */
  #left = 0;
  #chunked = false;
  #lastByte = 0;

  push(bytes: Buffer, nowMs: number): void {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    if (this.status === 0 && !this.#readHead()) return;
    if (this.#pending.length > 0) this.#note(nowMs);
    if (this.#chunked) this.#readChunks();
    else this.#readBody();
  }

  #readHead(): boolean {
    const end = this.#pending.indexOf(HEAD_END);
    if (end < 0) return false;
    const head = this.#pending.toString('latin1', 0, end).toLowerCase();
    this.#pending = this.#pending.subarray(end + HEAD_END.length);
    this.status = Number(head.slice(9, 12));
    this.#chunked = head.includes('transfer-encoding: chunked');
    this.#left = Number(/content-length: *(\d+)/.exec(head)?.[1] ?? 0);
    return true;
  }

  #note(nowMs: number): void {
    if (this.firstByteMs === 0) this.firstByteMs = nowMs;
    else this.longestGapMs = Math.max(this.longestGapMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }

  #readBody(): void {
    this.#left -= this.#pending.length;
    this.#pending = this.#pending.subarray(this.#pending.length);
    this.complete = this.#left <= 0;
  }

  #readChunks(): void {
    while (!this.complete) {
      if (this.#left === 0 && !this.#readChunkHead()) return;
      if (this.complete || this.#pending.length === 0) return;
      const part = this.#pending.subarray(0, this.#left);
      this.#countEvents(part);
      this.#left -= part.length;
      this.#pending = this.#pending.subarray(part.length);
    }
  }

  /** A size and its line end, behind the line end of the chunk before. */
  #readChunkHead(): boolean {
    const start = this.#pending[0] === 13 ? CR_LF.length : 0;
    const end = this.#pending.indexOf(CR_LF, start);
    if (end < 0) return false;
    this.#left = Number.parseInt(this.#pending.toString('latin1', start, end), 16);
    if (this.#left > 0) {
      this.#pending = this.#pending.subarray(end + CR_LF.length);
      return true;
    }
    // The empty chunk ends the answer with one more line end.
    this.complete = this.#pending.length >= end + 2 * CR_LF.length;
    return this.complete;
  }

  #countEvents(part: Buffer): void {
    for (let at = part.indexOf(LF); at >= 0; at = part.indexOf(LF, at + 1)) {
      const before = at === 0 ? this.#lastByte : part[at - 1];
      if (before === LF) this.events += 1;
    }
    this.#lastByte = part.at(-1) ?? 0;
  }
}
