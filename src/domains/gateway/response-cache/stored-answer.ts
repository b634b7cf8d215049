import { isJsonObject } from '../field-checks.ts';

/** An answer as it lies in the store. */
export interface StoredAnswer {
  /** Unix time in milliseconds. */
  readonly storedMs: number;
  readonly contentType: string;
  readonly body: Buffer;
}

const VERSION = 1;
const LINE_FEED = 10;

/** One line of JSON about the answer, then its bytes. */
export function encodeAnswer({ storedMs, contentType, body }: StoredAnswer): Buffer {
  const head = JSON.stringify({ version: VERSION, storedMs, contentType });
  return Buffer.concat([Buffer.from(`${head}\n`), body]);
}

/** Undefined for anything else, such as what another release has stored. */
export function decodeAnswer(value: Uint8Array): StoredAnswer | undefined {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const lineEnd = bytes.indexOf(LINE_FEED);
  const head = parsed(bytes.toString('utf8', 0, Math.max(0, lineEnd)));
  if (!isJsonObject(head) || head['version'] !== VERSION) return undefined;
  const { storedMs, contentType } = head;
  if (typeof storedMs !== 'number' || typeof contentType !== 'string') return undefined;
  return { storedMs, contentType, body: bytes.subarray(lineEnd + 1) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
