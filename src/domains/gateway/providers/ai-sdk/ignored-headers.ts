import type { SharedV4Warning } from '@ai-sdk/provider';

/** OpenAI's names for what SDKs call by their own. */
const FIELDS: Readonly<Record<string, string>> = {
  frequencyPenalty: 'frequency_penalty',
  maxOutputTokens: 'max_completion_tokens',
  presencePenalty: 'presence_penalty',
  reasoning: 'reasoning_effort',
  responseFormat: 'response_format',
  topP: 'top_p',
};
const HEADER = 'x-llamp-ignored';

/**
 * Says what this one model could not be told, although its vendor's API has the field: refusing it would shut models
 * out of clients that always send a temperature, and silence would be a lie.
 */
export function ignoredHeaders(warnings: readonly SharedV4Warning[]): Record<string, string> {
  const features = warnings.flatMap((warning) =>
    warning.type === 'unsupported' ? [FIELDS[warning.feature] ?? warning.feature] : [],
  );
  const names = features.map((feature) => feature.replace(/[^\w.-]+/g, '_'));
  return names.length === 0 ? {} : { [HEADER]: [...new Set(names)].join(', ') };
}
