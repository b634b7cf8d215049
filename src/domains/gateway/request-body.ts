import { gatewayError } from './errors.ts';
import { isJsonObject, type JsonObject } from './field-checks.ts';

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
const INCLUDE_USAGE = '"stream_options":{"include_usage":true},';

/** True when the client itself wants the usage frame. */
export function asksForUsage(json: JsonObject): boolean {
  const options = json['stream_options'];
  return isJsonObject(options) && options['include_usage'] === true;
}

/**
 * The bytes for an upstream that shall report usage at the end of the stream. They are the client's own bytes with one
 * field spliced in; only a client that sent `stream_options` without the flag has its body written anew.
 */
export function bytesWithUsage({ bytes, json }: RequestBody): Buffer {
  if (asksForUsage(json)) return bytes;
  const options = json['stream_options'];
  if (options !== undefined) {
    const merged = { ...(isJsonObject(options) ? options : {}), include_usage: true };
    return Buffer.from(JSON.stringify({ ...json, stream_options: merged }));
  }
  const start = bytes.indexOf(OPENING_BRACE) + 1;
  return Buffer.concat([
    bytes.subarray(0, start),
    Buffer.from(INCLUDE_USAGE),
    bytes.subarray(start),
  ]);
}
