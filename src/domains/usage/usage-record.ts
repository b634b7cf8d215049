export type UsageStatus = 'completed' | 'truncated' | 'aborted' | 'failed';

/** One inference call: who, what, how much, how it ended. */
export interface UsageRecord {
  readonly id: string;
  readonly projectId: string;
  readonly apiKeyId: string | null;
  readonly requestId: string;
  /** `chat.completions`, `completions` or `embeddings`. */
  readonly endpoint: string;
  readonly model: string;
  readonly deployment: string;
  readonly status: UsageStatus;
  readonly streamed: boolean;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
  readonly reasoningTokens: number;
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
