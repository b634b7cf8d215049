import type { LanguageModelV4Usage } from '@ai-sdk/provider';

/**
 * OpenAI's usage object with the vendor's own numbers; undefined when the vendor counted nothing. Tokens written to a
 * cache have no name in OpenAI's API; they stand beside those read from it, since they cost more than plain ones.
 */
export function usageObject({ inputTokens, outputTokens }: LanguageModelV4Usage) {
  const { total: prompt, cacheRead, cacheWrite } = inputTokens;
  if (prompt === undefined) return undefined;
  const completion = outputTokens.total ?? 0;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: {
      cached_tokens: cacheRead ?? 0,
      ...(cacheWrite === undefined ? {} : { cache_creation_tokens: cacheWrite }),
    },
    completion_tokens_details: { reasoning_tokens: outputTokens.reasoning ?? 0 },
  };
}
