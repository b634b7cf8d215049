import { isJsonObject, type JsonObject } from '../field-checks.ts';
import { estimateTokens } from '../token-estimate.ts';

/** A picture of the size that models are shown. */
const TOKENS_PER_PICTURE = 1_500;
/** Role and separators. */
const TOKENS_PER_MESSAGE = 4;
const DEPTH_MAX = 32;

/** About how many tokens a message request is to its model: system prompt, messages and tools. */
export function estimateInput({ system, messages, tools }: JsonObject): number {
  const texts: string[] = [];
  let tokens = 0;
  const visit = (value: unknown, depth: number): void => {
    if (typeof value === 'string') texts.push(value);
    else if (depth > DEPTH_MAX) return;
    else if (Array.isArray(value)) for (const item of value) visit(item, depth + 1);
    else if (isJsonObject(value)) visitBlock(value, depth);
  };
  const visitBlock = (block: JsonObject, depth: number): void => {
    if (block['type'] === 'image') {
      tokens += TOKENS_PER_PICTURE;
      return;
    }
    for (const key of ['name', 'description', 'text', 'thinking', 'content'])
      visit(block[key], depth + 1);
    for (const key of ['input', 'input_schema']) texts.push(...jsonTexts(block[key], depth));
  };
  for (const part of [system, messages, tools]) visit(part, 0);
  if (Array.isArray(messages)) tokens += messages.length * TOKENS_PER_MESSAGE;
  return tokens + estimateTokens(texts.join('\n'));
}

/** Everything that stands in a schema or in the input of a tool, names included. */
function jsonTexts(value: unknown, depth: number): string[] {
  if (value === undefined || value === null || depth > DEPTH_MAX) return [];
  if (typeof value !== 'object') return [String(value)];
  return Object.entries(value).flatMap(([key, item]) => [
    ...(Array.isArray(value) ? [] : [key]),
    ...jsonTexts(item, depth + 1),
  ]);
}
