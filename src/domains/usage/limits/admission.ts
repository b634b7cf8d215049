import type { LimitedPrincipal } from './limit-index.ts';

export interface AdmissionRequest {
  readonly principal: LimitedPrincipal;
  readonly model: string;
  readonly estimatedTokens: number;
  /** What the call may cost at most, as far as that is known; 0 when it costs nothing. */
  readonly estimatedCostMicros: number;
  readonly signal: AbortSignal;
}

/** What one call reserved; the first of `settle` and `release` counts, and neither waits. */
export interface Admission {
  settle(actual: { tokens: number; costMicros: number }): void;
  /** The call failed: it consumes no tokens and no money. That it was made still counts. */
  release(): void;
  /** What the client is told about its limits, in the words of OpenAI. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Decides once for each call, before it is made. */
export interface LimitEnforcer {
  /** Whether any limit concerns such calls. */
  applies(principal: LimitedPrincipal, model: string): boolean;
  /** Rejects with 429 `rate_limit_exceeded` or `insufficient_quota`; a rejected call consumes nothing. */
  admit(request: AdmissionRequest): Promise<Admission>;
  close(): Promise<void>;
}
