import { isJsonObject, type JsonObject } from '../field-checks.ts';
import { tokenCount, type UsageCounts } from '../usage-counts.ts';

/** Anthropic counts what a cache gave or took apart from the rest of the input; the prompt is all three. */
export function anthropicCountsOf(usage: JsonObject | undefined): UsageCounts | undefined {
  if (usage === undefined) return undefined;
  const input = tokenCount(usage, 'input_tokens');
  const output = tokenCount(usage, 'output_tokens');
  if (input === undefined && output === undefined) return undefined;
  const cachedTokens = tokenCount(usage, 'cache_read_input_tokens') ?? 0;
  const written = tokenCount(usage, 'cache_creation_input_tokens') ?? 0;
  const details = usage['output_tokens_details'];
  return {
    promptTokens: (input ?? 0) + cachedTokens + written,
    completionTokens: output ?? 0,
    cachedTokens,
    reasoningTokens: isJsonObject(details) ? (tokenCount(details, 'thinking_tokens') ?? 0) : 0,
  };
}

/** Later events repeat only what has changed; their numbers are totals, and null means "as before". */
export function mergeAnthropicUsage(
  before: JsonObject | undefined,
  reported: JsonObject,
): JsonObject {
  const said = Object.entries(reported).filter(([, value]) => value !== null);
  return { ...before, ...Object.fromEntries(said) };
}

/** OpenAI's usage object in Anthropic's words. */
export function anthropicUsageOf(counts: UsageCounts, writtenTokens: number) {
  const { promptTokens, completionTokens, cachedTokens, reasoningTokens } = counts;
  return {
    input_tokens: Math.max(0, promptTokens - cachedTokens - writtenTokens),
    cache_creation_input_tokens: writtenTokens,
    cache_read_input_tokens: cachedTokens,
    output_tokens: completionTokens,
    output_tokens_details: { thinking_tokens: reasoningTokens },
    server_tool_use: null,
  };
}
