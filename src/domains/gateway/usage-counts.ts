import { isJsonObject, type JsonObject } from './field-checks.ts';

export interface UsageCounts {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
  readonly reasoningTokens: number;
  /** Prompt tokens that the upstream wrote to its cache. */
  readonly cacheWriteTokens?: number;
  readonly audioInputTokens?: number;
  readonly audioOutputTokens?: number;
}

export const NO_USAGE: UsageCounts = {
  promptTokens: 0,
  completionTokens: 0,
  cachedTokens: 0,
  reasoningTokens: 0,
};

// The columns are 32-bit; no honest count comes near.
const COUNT_MAX = 2_147_483_647;

/** Reads OpenAI's usage object; undefined when it says nothing usable. */
export function countsOf(usage: unknown): UsageCounts | undefined {
  if (!isJsonObject(usage)) return undefined;
  const promptTokens = tokenCount(usage, 'prompt_tokens');
  if (promptTokens === undefined) return undefined;
  return {
    promptTokens,
    completionTokens: tokenCount(usage, 'completion_tokens') ?? 0,
    cachedTokens:
      detail(usage, 'prompt_tokens_details', 'cached_tokens') ??
      // DeepSeek's name for the same number.
      tokenCount(usage, 'prompt_cache_hit_tokens') ??
      0,
    reasoningTokens: detail(usage, 'completion_tokens_details', 'reasoning_tokens') ?? 0,
    cacheWriteTokens:
      detail(usage, 'prompt_tokens_details', 'cache_write_tokens') ??
      detail(usage, 'prompt_tokens_details', 'cache_creation_tokens'),
    audioInputTokens: detail(usage, 'prompt_tokens_details', 'audio_tokens'),
    audioOutputTokens: detail(usage, 'completion_tokens_details', 'audio_tokens'),
  };
}

function detail(usage: JsonObject, group: string, key: string): number | undefined {
  const details = usage[group];
  return isJsonObject(details) ? tokenCount(details, key) : undefined;
}

/** A number of tokens as an upstream reports it; undefined for anything else. */
export function tokenCount(object: JsonObject, key: string): number | undefined {
  const value = object[key];
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= COUNT_MAX
    ? value
    : undefined;
}
