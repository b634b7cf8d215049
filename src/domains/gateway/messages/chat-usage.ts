import { isJsonObject, type JsonObject } from '../field-checks.ts';
import { countsOf, tokenCount, NO_USAGE, type UsageCounts } from '../usage-counts.ts';
import type { ReportedUsage } from '../stream-dialect.ts';
import { anthropicUsageOf } from './anthropic-usage.ts';

/** What a chat upstream reported, or nothing. */
export function reportedByChat(usage: unknown): ReportedUsage {
  return isJsonObject(usage) ? { usage, counts: countsOf(usage) } : {};
}

/** The usage of a translated answer; `estimate` stands in where the upstream said nothing, since clients count on numbers. */
export function translatedUsage(
  { usage, counts }: ReportedUsage,
  estimate: () => Pick<UsageCounts, 'promptTokens' | 'completionTokens'>,
) {
  const known = counts ?? { ...NO_USAGE, ...estimate() };
  return anthropicUsageOf(known, usage === undefined ? 0 : writtenTokens(usage));
}

/** Where our own providers, and proxies, put what was written to a cache. */
function writtenTokens(usage: JsonObject): number {
  const details = usage['prompt_tokens_details'];
  return isJsonObject(details) ? (tokenCount(details, 'cache_creation_tokens') ?? 0) : 0;
}
