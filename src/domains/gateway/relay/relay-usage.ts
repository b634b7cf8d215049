import { isJsonObject, type JsonObject } from '../field-checks.ts';
import { NO_USAGE, type UsageCounts } from '../usage-counts.ts';

/** What an answer says about its own use; without `counts` the tokens are read as those of chat, or estimated. */
export interface ReportedUsage {
  readonly usage?: JsonObject;
  readonly counts?: UsageCounts;
}

/** Reads the report of an answer that is no chat: pictures, speech, ranks. */
export function reportedUsage(answer: JsonObject): ReportedUsage {
  const { usage, meta, duration } = answer;
  if (isJsonObject(usage)) return { usage, counts: countsOfUsage(usage) };
  if (isJsonObject(meta)) return { usage: meta, counts: countsOfMeta(meta) };
  // Older transcriptions tell only how long the recording is.
  if (duration !== undefined && Number(duration) >= 0)
    return { usage: { duration }, counts: NO_USAGE };
  return {};
}

function countsOfUsage(usage: JsonObject): UsageCounts | undefined {
  // Billed by the second: there are no tokens.
  if (usage['type'] === 'duration' && whole(usage, 'input_tokens') === undefined) return NO_USAGE;
  if (whole(usage, 'prompt_tokens') !== undefined) return undefined;
  const input = whole(usage, 'input_tokens') ?? whole(usage, 'total_tokens');
  if (input === undefined) return undefined;
  const details = usage['input_tokens_details'];
  return {
    ...NO_USAGE,
    promptTokens: input,
    completionTokens: whole(usage, 'output_tokens') ?? 0,
    cachedTokens: (isJsonObject(details) ? whole(details, 'cached_tokens') : undefined) ?? 0,
  };
}

/** Rerankers that follow Cohere's API; a number of searches alone says nothing about tokens. */
function countsOfMeta(meta: JsonObject): UsageCounts | undefined {
  for (const key of ['billed_units', 'tokens']) {
    const group = meta[key];
    const input = isJsonObject(group) ? whole(group, 'input_tokens') : undefined;
    if (input === undefined || !isJsonObject(group)) continue;
    const completionTokens = whole(group, 'output_tokens') ?? 0;
    return { ...NO_USAGE, promptTokens: input, completionTokens };
  }
  return undefined;
}

// The columns are 32-bit; no honest count comes near.
const COUNT_MAX = 2_147_483_647;

function whole(source: JsonObject, key: string): number | undefined {
  const value = source[key];
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= COUNT_MAX
    ? value
    : undefined;
}
