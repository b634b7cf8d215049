export interface CallFacts {
  readonly deployment: string;
  readonly attempts: number;
  /** The model that answers instead of the one asked for. */
  readonly fallback: string | undefined;
  readonly costMicros: number | null;
  /** Our own time. */
  readonly overheadMs: number;
}

/** The `x-llamp-*` headers of an answer; a call that reached no deployment has none to name. */
export function answerHeaders(facts: CallFacts): Record<string, string> {
  if (facts.attempts === 0) return {};
  const headers: Record<string, string> = {
    'x-llamp-deployment': headerValue(facts.deployment),
    'x-llamp-attempts': String(facts.attempts),
    'x-llamp-overhead-ms': facts.overheadMs.toFixed(2),
  };
  if (facts.fallback !== undefined) headers['x-llamp-fallback'] = headerValue(facts.fallback);
  if (facts.costMicros !== null) headers['x-llamp-cost-micros'] = String(facts.costMicros);
  return headers;
}

/** Names may be in any script; headers are ASCII. */
function headerValue(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : encodeURIComponent(text);
}
