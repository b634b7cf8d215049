import { invalidValue } from '../errors.ts';
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
} from '../field-checks.ts';

const TOKENS_MAX = 100_000_000;
const MESSAGES_MAX = 100_000;
const BLOCKS_MAX = 10_000;
const THINKING_TOKENS_MIN = 1_024;

const source = shape({ type: string, data: string, url: string, media_type: string }, ['type']);

const resultBlock = shape({ type: string, text: string, source }, ['type']);

const anyBlock = shape(
  {
    type: string,
    text: string,
    source,
    id: string,
    name: string,
    tool_use_id: string,
    content: stringOr(arrayOf(resultBlock, BLOCKS_MAX)),
    is_error: boolean,
    thinking: string,
    signature: string,
  },
  ['type'],
);

/** What a block of these types cannot do without. */
const BLOCK_FIELDS: Readonly<Record<string, readonly string[]>> = {
  text: ['text'],
  image: ['source'],
  tool_use: ['id', 'name', 'input'],
  tool_result: ['tool_use_id'],
  thinking: ['thinking'],
  redacted_thinking: ['data'],
};

const block: Check = (value, param) => {
  // Blocks of tools that run at Anthropic hold contents of their own kinds.
  const { type } = value as JsonObject;
  if (typeof type === 'string' && BLOCK_FIELDS[type] === undefined) return;
  anyBlock(value, param);
  for (const key of BLOCK_FIELDS[String(type)] ?? [])
    requireField(value as JsonObject, key, `${param}.`);
};

const blocks: Check = (value, param) => {
  arrayOf((item, at) => {
    object(item, at);
    block(item, at);
  }, BLOCKS_MAX)(value, param);
};

const message = shape({ role: oneOf('user', 'assistant', 'system'), content: stringOr(blocks) }, [
  'role',
  'content',
]);

const tool: Check = (value, param) => {
  shape({ type: string, name: string, description: string, input_schema: object })(value, param);
  const { type = 'custom' } = value as JsonObject;
  if (type !== null && type !== 'custom') return;
  for (const key of ['name', 'input_schema']) requireField(value as JsonObject, key, `${param}.`);
};

const PROMPT: Readonly<Record<string, Check>> = {
  system: stringOr(blocks),
  tools: arrayOf(tool, 1_000),
  tool_choice: shape(
    {
      type: oneOf('auto', 'any', 'tool', 'none'),
      name: string,
      disable_parallel_tool_use: boolean,
    },
    ['type'],
  ),
  thinking: shape({ type: string, budget_tokens: integer(THINKING_TOKENS_MIN, TOKENS_MAX) }, [
    'type',
  ]),
  output_config: shape({
    effort: string,
    format: shape({ type: string, schema: object }, ['type']),
  }),
};

const MESSAGE: Readonly<Record<string, Check>> = {
  ...PROMPT,
  // Nothing is generated with zero: Anthropic then only fills its cache.
  max_tokens: integer(0, TOKENS_MAX),
  stream: boolean,
  stop_sequences: arrayOf(string, 8_192),
  temperature: number(0, 1),
  top_p: number(0, 1),
  top_k: integer(0, TOKENS_MAX),
  metadata: shape({ user_id: string }),
};

/** The body of a message; throws the 400 that names what is wrong. */
export function validateMessage(json: JsonObject): void {
  checkConversation(json);
  requireField(json, 'max_tokens');
  checkFields(json, MESSAGE);
}

/** The body of a call that only counts. */
export function validateCount(json: JsonObject): void {
  checkConversation(json);
  checkFields(json, PROMPT);
}

function checkConversation(json: JsonObject): void {
  const model = requireField(json, 'model');
  string(model, 'model');
  if (model === '') throw invalidValue('model', 'it must not be empty');
  const messages = requireField(json, 'messages');
  arrayOf(message, MESSAGES_MAX)(messages, 'messages');
  if ((messages as unknown[]).length === 0)
    throw invalidValue('messages', 'expected at least one message');
}
