import { isJsonObject, type JsonObject } from '../field-checks.ts';
import { garbage } from '../upstream-failure.ts';

/** The message of a chat completion as blocks: what was thought, what was said, what is called. */
export function contentOf(message: JsonObject, finishReason: string, id: string): JsonObject[] {
  const { content, refusal, tool_calls: calls } = message;
  const texts = [content, refusal].filter((text) => typeof text === 'string' && text !== '');
  return [
    ...thinkingOf(message),
    ...texts.map((text) => ({ type: 'text', text, citations: null })),
    ...(Array.isArray(calls) ? calls.filter(isJsonObject) : []).map((call, index) =>
      toolUse(call, finishReason, `toolu_${id}_${index}`),
    ),
  ];
}

function thinkingOf(message: JsonObject): JsonObject[] {
  const { thinking_blocks: blocks } = message;
  if (Array.isArray(blocks) && blocks.length > 0) return blocks.filter(isJsonObject);
  const thinking = reasoningText(message);
  return thinking === '' ? [] : [{ type: 'thinking', thinking, signature: '' }];
}

/** What a server without signatures tells of its thoughts, under either name that is in use. */
export function reasoningText({ reasoning_content: content, reasoning }: JsonObject): string {
  if (typeof content === 'string') return content;
  return typeof reasoning === 'string' ? reasoning : '';
}

function toolUse(call: JsonObject, finishReason: string, fallbackId: string): JsonObject {
  const { id, function: called, extra_content: extra } = call;
  const { name, arguments: text } = isJsonObject(called) ? called : {};
  return {
    ...toolUseBlock(textOr(id, fallbackId), textOr(name, ''), extra),
    input: inputOf(text, finishReason),
  };
}

/** A call whose input is still to come. */
export function toolUseBlock(id: string, name: string, extra: unknown): JsonObject {
  const extras = isJsonObject(extra) ? { extra_content: extra } : {};
  return { type: 'tool_use', id, name, input: {}, caller: { type: 'direct' }, ...extras };
}

function inputOf(text: unknown, finishReason: string): unknown {
  if (isJsonObject(text)) return text;
  if (typeof text !== 'string' || text.trim() === '') return {};
  try {
    const input: unknown = JSON.parse(text);
    if (isJsonObject(input)) return input;
  } catch (cause) {
    // Cut off in the middle: nobody runs a call of an answer that says so.
    if (finishReason === 'length') return {};
    throw garbage('The upstream called a tool with arguments that are no JSON.', cause);
  }
  throw garbage('The upstream called a tool with arguments that are no JSON object.');
}

const textOr = (value: unknown, fallback: string) =>
  typeof value === 'string' && value !== '' ? value : fallback;
