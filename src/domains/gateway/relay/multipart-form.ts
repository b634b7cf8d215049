import { gatewayError } from '../errors.ts';
import type { ByteRange } from '../json-ranges.ts';

/** One part of a form: where its value lies in the bytes. */
export interface FormPart {
  readonly name: string;
  /** Undefined for plain fields. */
  readonly fileName: string | undefined;
  readonly value: ByteRange;
}

const PARTS_MAX = 256;
const PART_HEAD_BYTES_MAX = 16 * 1024;
const CRLF = '\r\n';
const PARAMETER = /;\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/g;

/** True for a form in this encoding; others are not used by these endpoints. */
export function isForm(contentType: string | undefined): contentType is string {
  return contentType !== undefined && /^\s*multipart\/form-data\s*(;|$)/i.test(contentType);
}

/**
 * The parts of a form, without a copy of any. Strict, because the upstream reads the same bytes: what we and it could
 * understand differently is refused.
 */
export function formParts(bytes: Buffer, contentType: string): FormPart[] {
  const delimiter = `--${boundaryOf(contentType)}`;
  const parts: FormPart[] = [];
  let line = firstDelimiter(bytes, delimiter);
  for (;;) {
    const after = line + delimiter.length;
    if (bytes.toString('latin1', after, after + 2) === '--') return parts;
    if (parts.length >= PARTS_MAX) throw malformed(`it has more than ${PARTS_MAX} parts`);
    const head = headRange(bytes, after);
    const start = head.end + 2 * CRLF.length;
    const end = bytes.indexOf(CRLF + delimiter, start, 'latin1');
    if (end < 0) throw malformed('it ends without its last boundary');
    parts.push({ ...nameOf(bytes.toString('utf8', head.start, head.end)), value: { start, end } });
    line = end + CRLF.length;
  }
}

function boundaryOf(contentType: string): string {
  for (const [, name, quoted, bare] of contentType.matchAll(PARAMETER)) {
    const value = quoted ?? bare ?? '';
    if (name?.toLowerCase() === 'boundary' && /^[\x21-\x7e][\x20-\x7e]{0,69}$/.test(value))
      return value;
  }
  throw malformed('its content type names no boundary');
}

function firstDelimiter(bytes: Buffer, delimiter: string): number {
  if (bytes.toString('latin1', 0, delimiter.length) === delimiter) return 0;
  const preambleEnd = bytes.indexOf(CRLF + delimiter, 0, 'latin1');
  if (preambleEnd < 0) throw malformed('it does not contain its boundary');
  return preambleEnd + CRLF.length;
}

/** The header lines of the part whose delimiter ends at `from`. */
function headRange(bytes: Buffer, from: number): ByteRange {
  const lineEnd = bytes.indexOf(CRLF, from, 'latin1');
  const padding = lineEnd < 0 ? '?' : bytes.toString('latin1', from, lineEnd);
  if (!/^[ \t]*$/.test(padding)) throw malformed('a boundary is followed by other text');
  const start = lineEnd + CRLF.length;
  const end = bytes.indexOf(CRLF + CRLF, start, 'latin1');
  if (end < 0 || end - start > PART_HEAD_BYTES_MAX) throw malformed('a part has no proper head');
  return { start, end };
}

function nameOf(head: string): Pick<FormPart, 'name' | 'fileName'> {
  const disposition = head.split(CRLF).find((line) => /^content-disposition\s*:/i.test(line));
  let name: string | undefined;
  let fileName: string | undefined;
  for (const [, key, quoted, bare] of (disposition ?? '').matchAll(PARAMETER)) {
    const value = quoted ?? bare ?? '';
    if (key?.toLowerCase() === 'name') name ??= value;
    if (/^filename\*?$/i.test(key ?? '')) fileName ??= value;
  }
  if (name === undefined) throw malformed('a part has no name');
  return { name, fileName };
}

function malformed(reason: string) {
  return gatewayError('invalid_form', { message: `The form cannot be read: ${reason}.` });
}
