/** From `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const QUOTE = '"'.charCodeAt(0);
const BACKSLASH = '\\'.charCodeAt(0);
const OPENING: ReadonlySet<number | undefined> = new Set(Buffer.from('{['));
const CLOSING: ReadonlySet<number | undefined> = new Set(Buffer.from('}]'));
const COLON = ':'.charCodeAt(0);
const BETWEEN: ReadonlySet<number | undefined> = new Set(Buffer.from(' \t\r\n,:'));
const AFTER_VALUE: ReadonlySet<number | undefined> = new Set(Buffer.from(' \t\r\n,}]'));

/**
 * Where the value of the field `key` lies in the object of valid JSON that begins at `object.start`; the last one when
 * the key is repeated, as `JSON.parse` has it.
 */
export function valueRange(bytes: Buffer, object: ByteRange, key: string): ByteRange | undefined {
  let found: ByteRange | undefined;
  let position = skipBetween(bytes, object.start + 1);
  while (position < object.end && bytes[position] === QUOTE) {
    const keyEnd = endOfString(bytes, position);
    const start = skipBetween(bytes, bytes.indexOf(COLON, keyEnd));
    const end = endOfValue(bytes, start);
    if (JSON.parse(bytes.toString('utf8', position, keyEnd)) === key) found = { start, end };
    position = skipBetween(bytes, end);
  }
  return found;
}

export function isEmptyObject(bytes: Buffer, object: ByteRange): boolean {
  return CLOSING.has(bytes[skipBetween(bytes, object.start + 1)]);
}

function skipBetween(bytes: Buffer, from: number): number {
  let position = from;
  while (BETWEEN.has(bytes[position])) position += 1;
  return position;
}

/** Without recursion: a body may be nested deeper than the stack goes. */
function endOfValue(bytes: Buffer, start: number): number {
  let depth = 0;
  for (let position = start; position < bytes.length; ) {
    const byte = bytes[position];
    if (byte === QUOTE) position = endOfString(bytes, position);
    else if (depth === 0 && !OPENING.has(byte)) return endOfScalar(bytes, position);
    else {
      if (OPENING.has(byte)) depth += 1;
      if (CLOSING.has(byte)) depth -= 1;
      position += 1;
    }
    if (depth === 0) return position;
  }
  return bytes.length;
}

function endOfScalar(bytes: Buffer, start: number): number {
  let position = start;
  while (position < bytes.length && !AFTER_VALUE.has(bytes[position])) position += 1;
  return position;
}

/** Behind the closing quote of the string that begins at `start`. */
function endOfString(bytes: Buffer, start: number): number {
  let position = start + 1;
  while (position < bytes.length && bytes[position] !== QUOTE) {
    position += bytes[position] === BACKSLASH ? 2 : 1;
  }
  return position + 1;
}
