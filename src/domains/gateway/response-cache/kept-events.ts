/** A copy of the events of one stream, as long as they stay within a limit. */
export class KeptEvents {
  readonly #maxBytes: number;
  #chunks: Uint8Array[] = [];
  #sizeBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(chunk: Uint8Array): void {
    this.#sizeBytes += chunk.length;
    if (this.#sizeBytes > this.#maxBytes) this.#chunks = [];
    else this.#chunks.push(chunk);
  }

  /** All of it, or undefined when it is too large or lacks its end: whatever breaks a stream comes before that. */
  whole(): Buffer | undefined {
    if (this.#sizeBytes > this.#maxBytes) return undefined;
    const bytes = Buffer.concat(this.#chunks);
    const end = bytes.toString('latin1', Math.max(0, bytes.length - END_BYTES_MAX));
    return /(^|\n)(data: ?\[DONE\]|event: ?message_stop\ndata: ?\{[^\n]*\})\s*$/.test(end)
      ? bytes
      : undefined;
  }
}

const END_BYTES_MAX = 128;
