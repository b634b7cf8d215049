import type {
  LanguageModelV4Message,
  LanguageModelV4Prompt,
  LanguageModelV4ToolCallPart,
  LanguageModelV4ToolResultPart,
} from '@ai-sdk/provider';
import { invalidValue } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../field-checks.ts';
import { type ContentLimits, contentParts, textOf } from './content-parts.ts';
import { unsupported } from './refuse-fields.ts';
import type { SdkVendor } from './sdk-vendor.ts';
import { reasoningParts } from './thinking-blocks.ts';

export interface PromptContext extends ContentLimits {
  readonly vendor: Pick<SdkVendor, 'optionsName'>;
}

/**
 * OpenAI's messages as a prompt. Instructions move to the front in their order, since these vendors take them only
 * there; results of parallel tool calls come together, because they answer one message.
 */
export function promptOf(messages: unknown, context: PromptContext): LanguageModelV4Prompt {
  const instructions: LanguageModelV4Message[] = [];
  const turns: LanguageModelV4Message[] = [];
  const toolNames = new Map<string, string>();
  for (const [index, message] of (Array.isArray(messages) ? messages : []).entries()) {
    const param = `messages[${index}]`;
    if (!isJsonObject(message)) throw invalidValue(param, 'expected an object');
    switch (message['role']) {
      case 'system':
      case 'developer':
        instructions.push({ role: 'system', content: content(message, param, context) });
        break;
      case 'user': {
        const parts = contentParts(message['content'], `${param}.content`, context);
        turns.push({ role: 'user', content: [...parts] });
        break;
      }
      case 'assistant':
        turns.push(...assistantTurn(message, param, context, toolNames));
        break;
      case 'tool':
        addResult(turns, toolResult(message, param, context, toolNames));
        break;
      default:
        throw unsupported(`${param}.role`, context.title, `the role '${String(message['role'])}'`);
    }
  }
  return [...instructions, ...turns];
}

function content(message: JsonObject, param: string, context: PromptContext): string {
  return textOf(message['content'], `${param}.content`, context.title);
}

/** Nothing for a message that says nothing: vendors refuse an empty turn. */
function assistantTurn(
  message: JsonObject,
  param: string,
  context: PromptContext,
  toolNames: Map<string, string>,
): LanguageModelV4Message[] {
  const text = content(message, param, context);
  const calls = Array.isArray(message['tool_calls']) ? message['tool_calls'] : [];
  const parts = [
    ...reasoningParts(message['thinking_blocks'], context.vendor),
    ...(text === '' ? [] : [{ type: 'text' as const, text }]),
    ...calls.map((call, index) => toolCall(call, `${param}.tool_calls[${index}]`, context)),
  ];
  for (const part of parts) {
    if (part.type === 'tool-call') toolNames.set(part.toolCallId, part.toolName);
  }
  return parts.length === 0 ? [] : [{ role: 'assistant', content: parts }];
}

function toolCall(
  call: unknown,
  param: string,
  { title, vendor }: PromptContext,
): LanguageModelV4ToolCallPart {
  if (!isJsonObject(call)) throw invalidValue(param, 'expected an object');
  const { id, function: called } = call;
  if (!isJsonObject(called))
    throw unsupported(`${param}.type`, title, 'a call that is no function');
  const { name, arguments: input } = called;
  if (typeof id !== 'string') throw invalidValue(`${param}.id`, 'expected a string');
  if (typeof name !== 'string') throw invalidValue(`${param}.function.name`, 'expected a string');
  const part: LanguageModelV4ToolCallPart = {
    type: 'tool-call',
    toolCallId: id,
    toolName: name,
    input: parsedArguments(input, `${param}.function.arguments`),
  };
  const thoughtSignature = thoughtSignatureOf(call);
  if (thoughtSignature === undefined) return part;
  return { ...part, providerOptions: { [vendor.optionsName]: { thoughtSignature } } };
}

/** Google's own place in OpenAI's dialect for the signature that its models demand back with a call. */
function thoughtSignatureOf(call: JsonObject): string | undefined {
  const extra = isJsonObject(call['extra_content']) ? call['extra_content'] : {};
  const google = isJsonObject(extra['google']) ? extra['google'] : {};
  const signature = google['thought_signature'];
  return typeof signature === 'string' ? signature : undefined;
}

function parsedArguments(input: unknown, param: string): JsonObject {
  if (input === undefined || input === null || input === '') return {};
  if (isJsonObject(input)) return input;
  try {
    const json: unknown = typeof input === 'string' ? JSON.parse(input) : input;
    if (isJsonObject(json)) return json;
  } catch {
    throw invalidValue(param, 'expected a JSON object in a string');
  }
  throw invalidValue(param, 'expected a JSON object in a string');
}

function toolResult(
  message: JsonObject,
  param: string,
  context: PromptContext,
  toolNames: ReadonlyMap<string, string>,
): LanguageModelV4ToolResultPart {
  const id = message['tool_call_id'];
  const toolName = typeof id === 'string' ? toolNames.get(id) : undefined;
  if (typeof id !== 'string' || toolName === undefined) {
    throw invalidValue(
      `${param}.tool_call_id`,
      'expected the id of a tool call in an earlier message',
    );
  }
  const output = { type: 'text' as const, value: content(message, param, context) };
  return { type: 'tool-result', toolCallId: id, toolName, output };
}

function addResult(turns: LanguageModelV4Message[], result: LanguageModelV4ToolResultPart): void {
  const last = turns.at(-1);
  if (last?.role === 'tool') last.content.push(result);
  else turns.push({ role: 'tool', content: [result] });
}
