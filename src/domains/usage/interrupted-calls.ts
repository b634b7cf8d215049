import type { PriceBook } from './price-book.ts';
import type { BegunCall, UsageRecord } from './usage-record.ts';
import { quoted } from './usage-row.ts';

/** About what a token takes in the body of a request, in any language. */
const BYTES_PER_TOKEN = 4;

/** A line of the open calls, put together by hand as those of the journal are. */
export function lineOfCall(call: BegunCall): string {
  return (
    `{"id":${quoted(call.id)},"projectId":${quoted(call.projectId)}` +
    `,"apiKeyId":${quoted(call.apiKeyId)},"userId":${quoted(call.userId)}` +
    `,"requestId":${quoted(call.requestId)},"endpoint":${quoted(call.endpoint)}` +
    `,"model":${quoted(call.model)},"deployment":${quoted(call.deployment)}` +
    `,"deploymentId":${quoted(call.deploymentId)},"streamed":${call.streamed}` +
    `,"bodyBytes":${call.bodyBytes},"createdAt":"${call.createdAt.toISOString()}"}`
  );
}

/**
 * The record of a call whose process died: what was sent is estimated, what came back is unknown and counts nothing.
 * Undefined for a line that is none of ours.
 */
export function recordOfInterrupted(line: string, prices: PriceBook): UsageRecord | undefined {
  const call = parsed(line);
  if (call === undefined) return undefined;
  const { bodyBytes, ...known } = call;
  const counts = { promptTokens: Math.ceil(bodyBytes / BYTES_PER_TOKEN), completionTokens: 0 };
  return {
    ...known,
    ...counts,
    ...prices.costMicros(call.model, counts, call.deployment),
    createdAt: new Date(call.createdAt),
    status: 'interrupted',
    cachedTokens: 0,
    reasoningTokens: 0,
    upstreamUsage: null,
    estimated: true,
    firstTokenMs: null,
    durationMs: 0,
  };
}

function parsed(line: string): BegunCall | undefined {
  try {
    const value: BegunCall = JSON.parse(line);
    return typeof value.id === 'string' && typeof value.bodyBytes === 'number' ? value : undefined;
  } catch {
    return undefined;
  }
}
