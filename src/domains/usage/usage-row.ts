import type { UsageRecord, UsageStatus } from './usage-record.ts';

/** A row of `usage_records`, and word for word one line of the journal; lines of earlier releases lack some fields. */
export interface UsageRow<Timestamp = Date> {
  readonly id: string;
  readonly project_id: string;
  readonly api_key_id: string | null;
  readonly user_id: string | null;
  readonly request_id: string;
  readonly endpoint: string;
  readonly model: string;
  readonly deployment: string;
  readonly deployment_id: string | null;
  readonly attempts: number;
  readonly status: UsageStatus;
  readonly streamed: boolean;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cached_tokens: number;
  readonly reasoning_tokens: number;
  readonly cache_write_tokens: number;
  readonly audio_input_tokens: number;
  readonly audio_output_tokens: number;
  readonly cost_micros: number | null;
  readonly price_version: string | null;
  readonly response_cached: boolean;
  readonly upstream_usage: object | null;
  readonly estimated: boolean;
  readonly first_token_ms: number | null;
  readonly duration_ms: number;
  readonly created_at: Timestamp;
}

/** A line of the journal. Put together by hand: serialising an object of so many fields costs three times as much. */
export function lineOfRecord(record: UsageRecord): string {
  const { projectId, apiKeyId, userId, deploymentId, costMicros, priceVersion } = record;
  // Half a surrogate pair is no text for SQL.
  const model = record.model.toWellFormed();
  return (
    `{"id":${quoted(record.id)},"project_id":${quoted(projectId)},"api_key_id":${quoted(apiKeyId)}` +
    `,"user_id":${quoted(userId)},"request_id":${quoted(record.requestId)}` +
    `,"endpoint":${quoted(record.endpoint)},"model":${quoted(model)}` +
    `,"deployment":${quoted(record.deployment)},"deployment_id":${quoted(deploymentId)}` +
    `,"attempts":${record.attempts ?? 1},"status":${quoted(record.status)}` +
    `,"streamed":${record.streamed},"prompt_tokens":${record.promptTokens}` +
    `,"completion_tokens":${record.completionTokens},"cached_tokens":${record.cachedTokens}` +
    `,"reasoning_tokens":${record.reasoningTokens}` +
    `,"cache_write_tokens":${record.cacheWriteTokens ?? 0}` +
    `,"audio_input_tokens":${record.audioInputTokens ?? 0}` +
    `,"audio_output_tokens":${record.audioOutputTokens ?? 0},"cost_micros":${costMicros ?? null}` +
    `,"price_version":${quoted(priceVersion)},"response_cached":${record.responseCached ?? false}` +
    `,"upstream_usage":${reportOf(record)},"estimated":${record.estimated}` +
    `,"first_token_ms":${record.firstTokenMs},"duration_ms":${record.durationMs}` +
    `,"created_at":"${record.createdAt.toISOString()}"}`
  );
}

function reportOf({ upstreamUsage }: UsageRecord): string {
  try {
    return JSON.stringify(upstreamUsage);
  } catch {
    // An upstream can nest its report deeper than the stack goes.
    return 'null';
  }
}

/** A text in a line. */
export const quoted = (text: string | null | undefined) =>
  text === null || text === undefined ? 'null' : JSON.stringify(text);

/** The line without what SQL may refuse: the upstream's own report, and characters that are no text there. */
export function simplifiedLine(line: string): string {
  return JSON.stringify({ ...JSON.parse(line), upstream_usage: null }, (_key, value: unknown) =>
    typeof value === 'string' ? value.replaceAll('\u0000', '').toWellFormed() : value,
  );
}

/** The object of the management API; times in whole seconds, as everywhere in the OpenAI API. */
export function usageObject(row: UsageRow) {
  return {
    object: 'usage.record' as const,
    id: row.id,
    created_at: Math.floor(row.created_at.getTime() / 1000),
    request_id: row.request_id,
    api_key_id: row.api_key_id,
    user_id: row.user_id,
    endpoint: row.endpoint,
    model: row.model,
    deployment: row.deployment,
    deployment_id: row.deployment_id,
    attempts: row.attempts,
    status: row.status,
    streamed: row.streamed,
    prompt_tokens: row.prompt_tokens,
    completion_tokens: row.completion_tokens,
    cached_tokens: row.cached_tokens,
    reasoning_tokens: row.reasoning_tokens,
    cache_write_tokens: row.cache_write_tokens,
    audio_input_tokens: row.audio_input_tokens,
    audio_output_tokens: row.audio_output_tokens,
    cost_micros: row.cost_micros,
    price_version: row.price_version,
    response_cached: row.response_cached,
    estimated: row.estimated,
    first_token_ms: row.first_token_ms,
    duration_ms: row.duration_ms,
  };
}
