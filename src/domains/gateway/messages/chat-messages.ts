import type { ProviderName } from '../../models/index.ts';
import { isJsonObject, type JsonObject } from '../field-checks.ts';
import { assistantMessage } from './assistant-message.ts';
import { contentPart, plainText, toolMessages } from './content-blocks.ts';

/** The system prompt and the messages of a conversation as OpenAI's. Throws a 400 for blocks without a counterpart. */
export function chatMessages(json: JsonObject, provider: ProviderName): JsonObject[] {
  const { system, messages } = json;
  const prompt = system === undefined || system === null ? '' : plainText(system, 'system');
  return [
    ...(prompt === '' ? [] : [{ role: 'system', content: prompt }]),
    ...(messages as JsonObject[]).flatMap((message, index) =>
      chatMessage(message, `messages[${index}].content`, provider),
    ),
  ];
}

function chatMessage(message: JsonObject, param: string, provider: ProviderName): JsonObject[] {
  const { role, content } = message;
  if (role === 'system') return [{ role, content: plainText(content, param) }];
  if (role === 'assistant') return [assistantMessage(content, param, provider)];
  if (!Array.isArray(content)) return [{ role: 'user', content }];
  return userMessages(content.filter(isJsonObject), param);
}

/** Results of tools are messages of their own, right behind the calls that they answer. */
function userMessages(blocks: readonly JsonObject[], param: string): JsonObject[] {
  const results: JsonObject[] = [];
  const parts: JsonObject[] = [];
  for (const [index, block] of blocks.entries()) {
    const at = `${param}[${index}]`;
    if (block['type'] !== 'tool_result') {
      parts.push(contentPart(block, at));
      continue;
    }
    const { message, pictures } = toolMessages(block, at);
    results.push(message);
    parts.push(...pictures);
  }
  return parts.length === 0 ? results : [...results, { role: 'user', content: joined(parts) }];
}

/** Text alone as a string, which every server takes. */
function joined(parts: readonly JsonObject[]): unknown {
  const [only] = parts;
  return parts.length === 1 && only?.['type'] === 'text' ? only['text'] : parts;
}
