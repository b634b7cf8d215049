import type { LanguageModelV4FinishReason } from '@ai-sdk/provider';
import { garbage } from '../../upstream-failure.ts';

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter';

/**
 * OpenAI's word for why an answer ended; undefined when the vendor never said that it ended, so that it was cut.
 * Throws for an end that left nothing usable.
 */
export function finishReason({
  unified,
  raw,
}: LanguageModelV4FinishReason): FinishReason | undefined {
  switch (unified) {
    case 'stop':
    case 'length':
      return unified;
    case 'tool-calls':
      return 'tool_calls';
    case 'content-filter':
      return 'content_filter';
    case 'interrupted':
      return undefined;
    case 'error':
      throw garbage(`The upstream ended its answer with ${raw ?? 'an error'}.`);
    case 'other':
      // A word of the vendor's own that OpenAI has none for; without any word there was no end.
      return raw === undefined ? undefined : 'stop';
  }
}
