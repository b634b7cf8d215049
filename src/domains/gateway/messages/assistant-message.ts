import type { ProviderName } from '../../models/index.ts';
import { isJsonObject, type JsonObject } from '../field-checks.ts';
import { unknownType } from './untranslatable.ts';

/** Their models sign what they thought and want it back unchanged. */
const KEEP_SIGNED: ReadonlySet<ProviderName> = new Set(['anthropic', 'bedrock', 'google']);

/** An earlier answer of the model as OpenAI's message. */
export function assistantMessage(
  content: unknown,
  param: string,
  provider: ProviderName,
): JsonObject {
  if (!Array.isArray(content)) return { role: 'assistant', content };
  const texts: unknown[] = [];
  const thoughts: unknown[] = [];
  const signed: JsonObject[] = [];
  const calls: JsonObject[] = [];
  for (const [index, block] of content.filter(isJsonObject).entries()) {
    if (block['type'] === 'text') texts.push(block['text']);
    else if (block['type'] === 'tool_use') calls.push(toolCall(block));
    else if (isSigned(block)) signed.push(block);
    else if (block['type'] === 'thinking') thoughts.push(block['thinking']);
    else throw unknownType(`${param}[${index}]`, block);
  }
  return {
    role: 'assistant',
    content: texts.length === 0 && calls.length > 0 ? null : texts.join(''),
    // Unsigned thoughts came from a server that knows this field; those of others stay out.
    ...(thoughts.length > 0 ? { reasoning_content: thoughts.join('\n') } : {}),
    ...(signed.length > 0 && KEEP_SIGNED.has(provider) ? { thinking_blocks: signed } : {}),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
}

function isSigned({ type, signature }: JsonObject): boolean {
  if (type === 'redacted_thinking') return true;
  return type === 'thinking' && typeof signature === 'string' && signature !== '';
}

function toolCall({ id, name, input, extra_content: extra }: JsonObject): JsonObject {
  const called = { name, arguments: JSON.stringify(input) };
  // What Google's models want back with a call travels in a field of ours.
  const extras = isJsonObject(extra) ? { extra_content: extra } : {};
  return { id, type: 'function', function: called, ...extras };
}
