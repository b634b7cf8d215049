import { isJsonObject, type JsonObject } from '../field-checks.ts';

/** Gets a text and where it stands; returns what shall stand there. */
export type TextMapper = (text: string, path: string) => string;

/** Names, ids and links: no text that somebody wrote or reads. */
const NO_TEXT = new Set([
  'role',
  'type',
  'id',
  'name',
  'index',
  'object',
  'model',
  'finish_reason',
  'stop_reason',
  'tool_call_id',
  'tool_use_id',
  'url',
  'data',
  'file_id',
  'media_type',
  'format',
  'detail',
  'signature',
  'cache_control',
  'logprobs',
  'system_fingerprint',
]);
const REQUEST_FIELDS = ['messages', 'system', 'prompt', 'suffix', 'input'];
const ANSWER_FIELDS = ['choices', 'content', 'delta', 'content_block', 'message'];

/** The texts of a request for chat, completions, embeddings or messages. */
export const mapRequestTexts = (json: JsonObject, map: TextMapper) =>
  mapFields(json, REQUEST_FIELDS, map);

/** The texts of an answer, or of one event of a streamed one. */
export const mapAnswerTexts = (json: JsonObject, map: TextMapper) =>
  mapFields(json, ANSWER_FIELDS, map);

/** The same object when no text has changed. Its parts are never changed, but copied. */
function mapFields(json: JsonObject, fields: readonly string[], map: TextMapper): JsonObject {
  let result = json;
  for (const field of fields) {
    const value = json[field];
    if (value === undefined || value === null) continue;
    const mapped = mapValue(value, `${placeOf(json, '')}${field}`, map);
    if (mapped !== value) result = { ...result, [field]: mapped };
  }
  return result;
}

function mapValue(value: unknown, path: string, map: TextMapper): unknown {
  if (typeof value === 'string') return value === '' ? value : map(value, path);
  if (Array.isArray(value)) return mapArray(value, path, map);
  return isJsonObject(value) ? mapObject(value, path, map) : value;
}

function mapArray(values: readonly unknown[], path: string, map: TextMapper): readonly unknown[] {
  const mapped = values.map((value, at) =>
    mapValue(value, isJsonObject(value) ? placeOf(value, `${path}[${at}]`, path) : path, map),
  );
  return mapped.some((value, at) => value !== values[at]) ? mapped : values;
}

function mapObject(object: JsonObject, path: string, map: TextMapper): JsonObject {
  let result = object;
  for (const [key, value] of Object.entries(object)) {
    // What a tool is called with has keys of its own.
    if (NO_TEXT.has(key) && !path.includes('.input')) continue;
    const mapped = mapValue(value, `${path}.${key}`, map);
    if (mapped !== value) result = { ...result, [key]: mapped };
  }
  return result;
}

/** Parts of a streamed answer say themselves which one they belong to. */
function placeOf(object: JsonObject, otherwise: string, path = ''): string {
  const { index } = object;
  return typeof index === 'number' ? `${path}#${index}` : otherwise;
}

/** Without the tokens of the texts, which would show what is masked. */
export function withoutLogprobs(json: JsonObject): JsonObject {
  const { choices } = json;
  if (!Array.isArray(choices) || !choices.some(hasLogprobs)) return json;
  return {
    ...json,
    choices: choices.map((choice) =>
      hasLogprobs(choice) ? { ...choice, logprobs: null } : choice,
    ),
  };
}

const hasLogprobs = (choice: unknown): choice is JsonObject =>
  isJsonObject(choice) && isJsonObject(choice['logprobs']);
