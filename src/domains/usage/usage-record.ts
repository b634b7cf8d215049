export type UsageStatus = 'completed' | 'truncated' | 'aborted' | 'failed';

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
  readonly createdAt: Date;
}

/**
 * Takes records off the hot path. `record` returns once the record is in the journal of this instance (a write to
 * a local file), which is before the client sees the end of its answer: SIGKILL of the process loses none of them.
 */
export interface UsageRecorder {
  record(record: UsageRecord): void;
}
