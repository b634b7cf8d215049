import { gatewayError, invalidValue } from '../errors.ts';
import { checkFields, type JsonObject, requireField } from '../field-checks.ts';
import type { ByteRange } from '../json-ranges.ts';
import { parseBody, type RequestBody } from '../request-body.ts';
import { type FormPart, formParts, isForm } from './multipart-form.ts';
import type { RelayEndpoint } from './relay-endpoints.ts';

/** A body that passes through. `json` holds the text fields of a form. */
export interface RelayBody extends RequestBody {
  /** Undefined for JSON. */
  readonly contentType?: string;
  /** Where a form names its model. */
  readonly modelRange?: ByteRange;
}

/** Reads and checks what the client sent; throws the 400 that names the field. */
export function relayBody(
  endpoint: RelayEndpoint,
  body: unknown,
  contentType: string | undefined,
): RelayBody {
  const form = isForm(contentType);
  if (!endpoint.bodies.includes(form ? 'form' : 'json')) throw wrongKind(endpoint);
  const read = form ? formBody(endpoint, body, contentType) : jsonBody(endpoint, body);
  for (const field of endpoint.required)
    if (!endpoint.files.includes(field)) requireField(read.json, field);
  if (typeof read.json['model'] !== 'string') throw invalidValue('model', 'expected a string');
  if (read.json['model'] === '') throw invalidValue('model', 'it must not be empty');
  if (!form) checkFields(read.json, endpoint.checks);
  return read;
}

/** The bytes for an upstream; JSON is left to the provider, which knows where it names its model. */
export function bytesForUpstream({ bytes, json, modelRange }: RelayBody, model: string): Buffer {
  if (modelRange === undefined || json['model'] === model) return bytes;
  const { start, end } = modelRange;
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(model), bytes.subarray(end)]);
}

/** The client wants the answer as events. */
export function asksForEvents(json: JsonObject): boolean {
  return json['stream'] === true || json['stream'] === 'true' || json['stream_format'] === 'sse';
}

function jsonBody({ defaultModel }: RelayEndpoint, body: unknown): RelayBody {
  const read = parseBody(body);
  const { model } = read.json;
  if (defaultModel === undefined || (model !== undefined && model !== null)) return read;
  return withModel(read, defaultModel);
}

/** Nothing else of the body changes. A `model` that is null stays behind, so ours has to be the last one. */
function withModel({ bytes, json }: RequestBody, model: string): RelayBody {
  const end = bytes.lastIndexOf('}');
  const separator = Object.keys(json).length === 0 ? '' : ',';
  const field = Buffer.from(`${separator}"model":${JSON.stringify(model)}`);
  return {
    bytes: Buffer.concat([bytes.subarray(0, end), field, bytes.subarray(end)]),
    json: { ...json, model },
  };
}

function formBody(endpoint: RelayEndpoint, body: unknown, contentType: string): RelayBody {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  const parts = formParts(bytes, contentType);
  checkFile(endpoint, parts);
  const models = parts.filter(({ name }) => name === 'model');
  // The upstream might read the other one.
  if (models.length > 1) throw invalidValue('model', 'it is given more than once');
  return { bytes, json: textFields(bytes, parts), contentType, modelRange: models[0]?.value };
}

function checkFile({ files }: RelayEndpoint, parts: readonly FormPart[]): void {
  const given = parts.filter(({ name }) => files.includes(name));
  const [first = ''] = files;
  if (given.length === 0) requireField({}, first);
  const text = given.find(({ fileName }) => fileName === undefined);
  if (text !== undefined) throw invalidValue(text.name, 'expected a file');
}

function textFields(bytes: Buffer, parts: readonly FormPart[]): JsonObject {
  const fields = parts
    .filter(({ fileName }) => fileName === undefined)
    .map(({ name, value }) => [name, bytes.toString('utf8', value.start, value.end)] as const);
  return Object.fromEntries(fields);
}

function wrongKind({ bodies, path }: RelayEndpoint) {
  const expected = bodies.includes('form') ? 'multipart/form-data' : 'application/json';
  return gatewayError('unsupported_content_type', { message: `Send ${expected} to ${path}.` });
}
