import { invalidValue } from './errors.ts';
import {
  arrayOf,
  boolean,
  type Check,
  checkFields,
  integer,
  type JsonObject,
  number,
  object,
  oneOf,
  requireField,
  shape,
  string,
  stringOr,
} from './field-checks.ts';

const TOKENS_MAX = 100_000_000;
const MESSAGES_MAX = 100_000;

const contentPart = shape({ type: string, text: string }, ['type']);
const content = stringOr(arrayOf(contentPart, 10_000));
const toolCall = shape({ id: string, function: shape({ name: string }) });

const message: Check = shape(
  {
    role: oneOf('developer', 'system', 'user', 'assistant', 'tool', 'function'),
    content,
    name: string,
    tool_call_id: string,
    tool_calls: arrayOf(toolCall, 1_000),
  },
  ['role'],
);

const stop = stringOr(arrayOf(string, 64));
const logitBias: Check = (value, param) => {
  object(value, param);
  for (const [token, bias] of Object.entries(value as object))
    number(-100, 100)(bias, `${param}.${token}`);
};

// Its ends as doubles: the exact number is in the bytes, which go to the upstream as they are.
const int64: Check = (value, param) => {
  const whole = typeof value === 'number' && Number.isInteger(value);
  if (!whole || value < -(2 ** 63) || value > 2 ** 63)
    throw invalidValue(param, 'expected a whole number of 64 bits');
};

const SAMPLING: Readonly<Record<string, Check>> = {
  stream: boolean,
  stream_options: shape({ include_usage: boolean }),
  temperature: number(0, 2),
  top_p: number(0, 1),
  frequency_penalty: number(-2, 2),
  presence_penalty: number(-2, 2),
  n: integer(1, 128),
  max_tokens: integer(1, TOKENS_MAX),
  seed: int64,
  stop,
  logit_bias: logitBias,
  user: string,
};

const CHAT: Readonly<Record<string, Check>> = {
  ...SAMPLING,
  max_completion_tokens: integer(1, TOKENS_MAX),
  logprobs: boolean,
  top_logprobs: integer(0, 20),
  tools: arrayOf(
    shape({ type: string, function: shape({ name: string }, ['name']) }, ['type']),
    1_000,
  ),
  tool_choice: stringOr(object),
  parallel_tool_calls: boolean,
  response_format: shape({ type: string }, ['type']),
};

const tokens = arrayOf(integer(0, TOKENS_MAX), 1_000_000);
const texts: Check = (value, param) => {
  const items = value as unknown[];
  const item = typeof items[0] === 'number' ? integer(0, TOKENS_MAX) : stringOr(tokens);
  arrayOf(item, 100_000)(value, param);
};

const COMPLETION: Readonly<Record<string, Check>> = {
  ...SAMPLING,
  prompt: stringOr((value, param) => {
    arrayOf(() => undefined, 100_000)(value, param);
    texts(value, param);
  }),
  // With `echo`, zero asks for the prompt's own log probabilities.
  max_tokens: integer(0, TOKENS_MAX),
  suffix: string,
  echo: boolean,
  best_of: integer(1, 128),
  logprobs: integer(0, 20),
};

const INPUTS_MAX = 2048;
const embeddingItem: Check = (value, param) => {
  if (value === '' || (Array.isArray(value) && value.length === 0))
    throw invalidValue(param, 'it must not be empty');
  stringOr(tokens)(value, param);
};
const embeddingInput: Check = (value, param) => {
  if (typeof value === 'string') return embeddingItem(value, param);
  if (!Array.isArray(value)) throw invalidValue(param, 'expected a string or an array');
  if (value.length === 0) throw invalidValue(param, 'it must not be empty');
  if (typeof value[0] === 'number') return tokens(value, param);
  arrayOf(embeddingItem, INPUTS_MAX)(value, param);
};

const EMBEDDING: Readonly<Record<string, Check>> = {
  input: embeddingInput,
  dimensions: integer(1, 65_536),
  encoding_format: oneOf('float', 'base64'),
  user: string,
};

export function validateChat(json: JsonObject): void {
  checkModel(json);
  const messages = requireField(json, 'messages');
  arrayOf(message, MESSAGES_MAX)(messages, 'messages');
  if ((messages as unknown[]).length === 0)
    throw invalidValue('messages', 'expected at least one message');
  checkFields(json, CHAT);
}

export function validateCompletion(json: JsonObject): void {
  checkModel(json);
  requireField(json, 'prompt');
  checkFields(json, COMPLETION);
}

export function validateEmbedding(json: JsonObject): void {
  checkModel(json);
  requireField(json, 'input');
  checkFields(json, EMBEDDING);
}

function checkModel(json: JsonObject): void {
  const model = requireField(json, 'model');
  string(model, 'model');
  if (model === '') throw invalidValue('model', 'it must not be empty');
}
