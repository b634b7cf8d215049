import { anthropicError } from '../../../lib/anthropic-error.ts';
import { isJsonObject, type JsonObject } from '../field-checks.ts';
import type { StreamDialect } from '../stream-dialect.ts';
import { estimateTokens } from '../token-estimate.ts';
import { anthropicFactsOf } from './anthropic-frames.ts';
import { anthropicCountsOf, mergeAnthropicUsage } from './anthropic-usage.ts';

/** Anthropic's messages. */
export const anthropicDialect: StreamDialect = {
  // It always reports usage.
  streamedBody: ({ bytes }) => bytes,
  hidesUsage: () => false,
  factsOf: anthropicFactsOf,
  mergeUsage: mergeAnthropicUsage,
  countsOf: anthropicCountsOf,
  estimateCompletion: ({ content }) => estimateTokens(textsIn(content).join('\n')),
  errorEvent: (error, requestId) =>
    Buffer.from(`event: error\ndata: ${JSON.stringify(anthropicError(error, requestId))}\n\n`),
};

function textsIn(content: unknown): string[] {
  if (!Array.isArray(content)) return [];
  return content.filter(isJsonObject).map(textOf);
}

function textOf({ text, thinking, input }: JsonObject): string {
  if (typeof text === 'string') return text;
  if (typeof thinking === 'string') return thinking;
  return input === undefined ? '' : JSON.stringify(input);
}
