/** `interrupted`: the process died while the call was under way, so nobody knows how it ended. */
export type UsageStatus = 'completed' | 'truncated' | 'aborted' | 'failed' | 'interrupted';

/** A call that is about to be made; what can be said of it should this process not live to see its end. */
export interface BegunCall {
  /** Of the record that will be written for it. */
  readonly id: string;
  readonly projectId: string;
  readonly apiKeyId: string | null;
  readonly userId: string | null;
  readonly requestId: string;
  readonly endpoint: string;
  readonly model: string;
  readonly deployment: string;
  readonly deploymentId: string | null;
  readonly streamed: boolean;
  /** Size of the request's body; tokens are estimated from it. */
  readonly bodyBytes: number;
  /** The same as in the record. */
  readonly createdAt: Date;
}

/** One inference call: who, what, how much, how it ended. */
export interface UsageRecord {
  readonly id: string;
  readonly projectId: string;
  readonly apiKeyId: string | null;
  /** For whom the key was used, when that is known. */
  readonly userId?: string | null;
  readonly requestId: string;
  /** `chat.completions`, `completions` or `embeddings`. */
  readonly endpoint: string;
  readonly model: string;
  readonly deployment: string;
  readonly deploymentId?: string | null;
  /** Attempts that the call took; 1 when not said. */
  readonly attempts?: number;
  readonly status: UsageStatus;
  readonly streamed: boolean;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
  readonly reasoningTokens: number;
  /** Prompt tokens that the upstream wrote to its cache. */
  readonly cacheWriteTokens?: number;
  readonly audioInputTokens?: number;
  readonly audioOutputTokens?: number;
  /** By the prices in force when the call ended; null when the model had none. */
  readonly costMicros?: number | null;
  readonly priceVersion?: string | null;
  /** The answer was a stored one of ours. */
  readonly responseCached?: boolean;
  readonly upstreamUsage: object | null;
  readonly estimated: boolean;
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
  /** When the call began. */
  readonly createdAt: Date;
}

/**
 * Takes records off the hot path. `record` returns once the record is in the journal of this instance (a write to
 * a local file), which is before the client sees the end of its answer: SIGKILL of the process loses none of them.
 */
export interface UsageRecorder {
  /**
   * Call it before an upstream is asked. Should the process die before the record of that id is written, the next start
   * writes one with the status `interrupted` and estimated tokens.
   */
  begin(call: BegunCall): void;
  record(record: UsageRecord): void;
}
