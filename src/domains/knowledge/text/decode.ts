import { ParseFailure } from './parse-failure.ts';

const SAMPLE_BYTES = 65_536;

/**
 * Bytes of a text file to a string with `\n` line ends. A byte order mark decides; then UTF-16 by its zero bytes,
 * strict UTF-8, GB18030 when the outcome reads like Chinese, and Windows-1252 for what is mostly ASCII.
 */
export function decodeText(bytes: Uint8Array): string {
  const text = decodeMarked(bytes) ?? decodeUnmarked(bytes);
  if (text === undefined)
    throw new ParseFailure('invalid_file', 'The file is not text in a known character encoding.');
  if (looksBinary(text))
    throw new ParseFailure('unsupported_file', 'The file is not text, and its type is unknown.');
  return cleanText(text);
}

/** What PostgreSQL cannot store goes: NUL, and half a surrogate pair. Line ends become `\n`. */
export function cleanText(text: string): string {
  return text.replaceAll('\0', '').replaceAll(/\r\n?/g, '\n').toWellFormed();
}

function decodeMarked(bytes: Uint8Array): string | undefined {
  const [first, second, third] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) return strict(bytes, 'utf-8');
  if (first === 0xff && second === 0xfe) return strict(bytes, 'utf-16le');
  if (first === 0xfe && second === 0xff) return strict(bytes, 'utf-16be');
  return undefined;
}

function decodeUnmarked(bytes: Uint8Array): string | undefined {
  const zeros = zeroBytes(bytes);
  if (zeros.odd > 0 && zeros.even === 0) return strict(bytes, 'utf-16le');
  if (zeros.even > 0 && zeros.odd === 0) return strict(bytes, 'utf-16be');
  return strict(bytes, 'utf-8') ?? chinese(bytes) ?? western(bytes);
}

function strict(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

// GB18030 gives a character to nearly every pair of bytes, so a result counts only when it is mostly Chinese.
function chinese(bytes: Uint8Array): string | undefined {
  const text = strict(bytes, 'gb18030');
  if (text === undefined) return undefined;
  const foreign = text.match(/[^\p{ASCII}]/gu)?.length ?? 0;
  const expected = text.match(/[\p{Script=Han}\u3000-\u303f\uff00-\uffef\u2010-\u203a·]/gu)?.length;
  return (expected ?? 0) >= foreign * 0.8 ? text : undefined;
}

function western(bytes: Uint8Array): string | undefined {
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  const ascii = sample.reduce((count, byte) => count + (byte < 0x80 ? 1 : 0), 0);
  return ascii >= sample.length * 0.7 ? new TextDecoder('windows-1252').decode(bytes) : undefined;
}

function zeroBytes(bytes: Uint8Array): { even: number; odd: number } {
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  const count = { even: 0, odd: 0 };
  sample.forEach((byte, index) => {
    if (byte === 0) count[index % 2 === 0 ? 'even' : 'odd'] += 1;
  });
  return count;
}

function looksBinary(text: string): boolean {
  const sample = text.slice(0, SAMPLE_BYTES);
  const controls = sample.match(/[\u0000-\u0008\u000e-\u001a\u001c-\u001f\ufffd]/g)?.length ?? 0;
  return controls > sample.length * 0.01;
}
