import { parseArrayLiteral } from './array-literal.ts';

/** Turns the text of one column into the value that the port promises. */
export type ValueParser = (text: string) => unknown;

/** Parsers by type OID (pg_type), scalars and their arrays; every type not listed stays PostgreSQL's text. */
export const VALUE_PARSERS: ReadonlyMap<number, ValueParser> = withArrays([
  { oid: 16, arrayOid: 1000, parse: (text) => text === 't' },
  { oid: 17, arrayOid: 1001, parse: parseBytes },
  { oid: 20, arrayOid: 1016, parse: parseInt8 },
  { oid: 21, arrayOid: 1005, parse: Number },
  { oid: 23, arrayOid: 1007, parse: Number },
  { oid: 26, arrayOid: 1028, parse: Number },
  { oid: 700, arrayOid: 1021, parse: Number },
  { oid: 701, arrayOid: 1022, parse: Number },
  { oid: 114, arrayOid: 199, parse: (text) => JSON.parse(text) },
  { oid: 3802, arrayOid: 3807, parse: (text) => JSON.parse(text) },
  { oid: 1184, arrayOid: 1185, parse: parseTimestamp },
  // name, text, bpchar, varchar, date, timestamp, numeric, uuid: text, but their arrays become arrays
  { oid: 19, arrayOid: 1003, parse: asText },
  { oid: 25, arrayOid: 1009, parse: asText },
  { oid: 1042, arrayOid: 1014, parse: asText },
  { oid: 1043, arrayOid: 1015, parse: asText },
  { oid: 1082, arrayOid: 1182, parse: asText },
  { oid: 1114, arrayOid: 1115, parse: asText },
  { oid: 1700, arrayOid: 1231, parse: asText },
  { oid: 2950, arrayOid: 2951, parse: asText },
]);

/** The text form of bound parameters: one conversion for both engines, so that neither driver's own rules show. */
export function parameterTexts(parameters: readonly unknown[]): (string | null)[] {
  return parameters.map(parameterText);
}

function parameterText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value);
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) return bytesText(value);
  if (Array.isArray(value)) return arrayText(value);
  return JSON.stringify(value);
}

function arrayText(values: readonly unknown[]): string {
  const elements = values.map((value) => {
    if (Array.isArray(value)) return arrayText(value);
    const text = parameterText(value);
    return text === null ? 'NULL' : `"${text.replace(/["\\]/g, '\\$&')}"`;
  });
  return `{${elements.join(',')}}`;
}

function bytesText(view: ArrayBufferView): string {
  return `\\x${Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('hex')}`;
}

function asText(text: string): string {
  return text;
}

function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value))
    throw new RangeError(`the int8 ${text} is beyond 2^53 and has no exact number`);
  return value;
}

function parseBytes(text: string): Uint8Array {
  // Own memory, not Node's shared pool: a structured clone of a pooled Buffer copies the whole pool.
  const bytes = new Uint8Array((text.length - 2) / 2);
  Buffer.from(bytes.buffer).write(text.slice(2), 'hex');
  return bytes;
}

function parseTimestamp(text: string): Date {
  // PostgreSQL writes `2026-01-02 03:04:05.678+00`; only the form with T and minutes of the offset is specified in JS.
  return new Date(text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00'));
}

function withArrays(
  types: readonly { oid: number; arrayOid: number; parse: ValueParser }[],
): ReadonlyMap<number, ValueParser> {
  return new Map(
    types.flatMap(({ oid, arrayOid, parse }) => [
      [oid, parse] as const,
      [arrayOid, (text: string) => parseArrayLiteral(text, parse)] as const,
    ]),
  );
}
