import type { ServerResponse } from 'node:http';

/** Writes the body of an answer whose head is made but has not left yet. */
export interface BodyWriter {
  readonly response: ServerResponse;
  /** False when the client does not keep up: wait for `drain`. */
  write(bytes: Uint8Array): boolean;
  end(): void;
}

const LINE_END = '\r\n';
const LAST_CHUNK = Buffer.from('0\r\n\r\n', 'latin1');

/**
 * The head leaves with the first bytes, or alone at the end of this turn. Chunks are framed here: Node writes each as
 * four pieces, gathered again by the kernel, and that was the largest part of the cost of a slow stream.
 */
export function bodyWriter(response: ServerResponse): BodyWriter {
  // Clients of HTTP/1.0 read to the end of the connection instead.
  const isChunked = response.chunkedEncoding;
  response.chunkedEncoding = false;
  const flush = setImmediate(() => response.flushHeaders());
  return {
    response,
    write: (bytes) => {
      clearImmediate(flush);
      return response.write(isChunked ? chunkOf(bytes) : bytes);
    },
    end: () => {
      clearImmediate(flush);
      response.end(isChunked ? LAST_CHUNK : undefined);
    },
  };
}

function chunkOf(bytes: Uint8Array): Buffer {
  const size = bytes.length.toString(16) + LINE_END;
  const chunk = Buffer.allocUnsafe(size.length + bytes.length + LINE_END.length);
  chunk.write(size, 'latin1');
  chunk.set(bytes, size.length);
  chunk.write(LINE_END, size.length + bytes.length, 'latin1');
  return chunk;
}
