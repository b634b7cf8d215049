import { gatewayError } from './errors.ts';
import { isJsonObject, type JsonObject } from './field-checks.ts';
import { type ByteRange, isEmptyObject, valueRange } from './json-ranges.ts';

/** One JSON object, parsed once; the bytes stay, because they are what the upstream gets. */
export interface RequestBody {
  readonly bytes: Buffer;
  readonly json: JsonObject;
}

export function parseBody(body: unknown): RequestBody {
  if (!Buffer.isBuffer(body) || body.length === 0)
    throw gatewayError('invalid_json', { message: 'The body is empty; send a JSON object.' });
  const json = parse(body);
  if (!isJsonObject(json))
    throw gatewayError('invalid_json', { message: 'The body must be a JSON object.' });
  return { bytes: body, json };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw gatewayError('invalid_json', {
      message: 'We could not parse the JSON body of your request.',
      cause,
    });
  }
}

const OPENING_BRACE = '{'.charCodeAt(0);
const ASKED = '"include_usage":true';

/** True when the client itself wants the usage frame. */
export function asksForUsage(json: JsonObject): boolean {
  const options = json['stream_options'];
  return isJsonObject(options) && options['include_usage'] === true;
}

/**
 * The bytes for an upstream that shall report usage at the end of the stream: the client's own with the flag spliced
 * in. They are never written anew, since that would lose digits of large numbers and the order of the fields.
 */
export function bytesWithUsage({ bytes, json }: RequestBody): Buffer {
  if (asksForUsage(json)) return bytes;
  const whole = { start: bytes.indexOf(OPENING_BRACE), end: bytes.length };
  // The usual case, and one that needs no walk through the bytes.
  const absent = json['stream_options'] === undefined;
  const options = absent ? undefined : valueRange(bytes, whole, 'stream_options');
  if (options === undefined) return withFirstField(bytes, whole, `"stream_options":{${ASKED}}`);
  if (bytes[options.start] !== OPENING_BRACE) return replaced(bytes, options, `{${ASKED}}`);
  const flag = valueRange(bytes, options, 'include_usage');
  if (flag !== undefined) return replaced(bytes, flag, 'true');
  return withFirstField(bytes, options, ASKED);
}

/**
 * The bytes for a deployment whose upstream knows the model by another name. Bodies that are no JSON (forms) name their
 * model elsewhere and stay as they are.
 */
export function bytesWithModel({ bytes, json }: RequestBody, upstreamModel: string): Buffer {
  if (json['model'] === upstreamModel) return bytes;
  const start = bytes.indexOf(OPENING_BRACE);
  if (start < 0 || bytes.toString('latin1', 0, start).trim() !== '') return bytes;
  const name = valueRange(bytes, { start, end: bytes.length }, 'model');
  return name === undefined ? bytes : replaced(bytes, name, JSON.stringify(upstreamModel));
}

function withFirstField(bytes: Buffer, object: ByteRange, field: string): Buffer {
  const start = object.start + 1;
  const text = isEmptyObject(bytes, object) ? field : `${field},`;
  return replaced(bytes, { start, end: start }, text);
}

function replaced(bytes: Buffer, { start, end }: ByteRange, text: string): Buffer {
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(text), bytes.subarray(end)]);
}
