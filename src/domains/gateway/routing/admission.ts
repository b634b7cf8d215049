import type { Principal } from '../../identity/index.ts';

/** What one call reserved; the first of `settle` and `release` counts. */
export interface Admission {
  settle(actual: { tokens: number; costMicros: number }): void;
  /** The call failed and consumes nothing. */
  release(): void;
  /** What the client is told about its limits, with success and with errors. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface AdmissionRequest {
  readonly principal: Principal;
  readonly model: string;
  readonly estimatedTokens: number;
  readonly estimatedCostMicros: number;
  readonly signal: AbortSignal;
}

/** Decides once for each call, before its first attempt. */
export interface LimitEnforcer {
  /** Whether any limit concerns such calls; without one a call is neither estimated nor admitted. */
  applies(principal: Principal, model: string): boolean;
  /** Rejects with the error that the client gets. */
  admit(request: AdmissionRequest): Promise<Admission>;
}

/** For installations and tools without limits. */
export const NO_LIMITS: LimitEnforcer = {
  applies: () => false,
  admit: async () => ({ settle: () => undefined, release: () => undefined, headers: {} }),
};
