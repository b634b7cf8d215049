import type { Deployment, Endpoint } from '../models/index.ts';
import type { JsonObject } from './field-checks.ts';
import type { ReportedUsage } from './stream-dialect.ts';

/** One attempt of one call at one deployment. */
export interface UpstreamRequest {
  readonly deployment: Deployment;
  readonly endpoint: Endpoint;
  /** What an OpenAI-compatible upstream gets: the client's bytes, for streams with usage asked for. */
  readonly bytes: Buffer;
  /** The client's body, parsed and validated. */
  readonly json: JsonObject;
  /** The client itself asked for the usage frame. */
  readonly usageAsked: boolean;
  readonly requestId: string;
  /** Of `bytes`; JSON when undefined. */
  readonly contentType?: string;
  /** Headers of the client that belong to the endpoint's dialect, lower case; they go to an upstream of that dialect. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the attempt: client gone, or out of time; its reason is the error to report. */
  readonly signal: AbortSignal;
}

/** A whole answer, validated to be a JSON object, as the bytes the client gets. */
export interface JsonAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly json: JsonObject;
  /** Where the answer was translated: what the upstream itself reported. */
  readonly reported?: ReportedUsage;
}

/** A stream that was accepted; no content yet. */
export interface StreamAnswer {
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes as they come. Rejects with an `UpstreamFailure` when the stream breaks. */
  readonly chunks: AsyncIterator<Buffer>;
  /** Where the stream was translated: what the upstream itself has reported so far. */
  readonly reported?: () => ReportedUsage;
  /** Call when no more is read: lets the rest run out so that the connection can be used again, or closes it. */
  release(complete: boolean): void;
}

/** An API dialect. All calls reject with an `UpstreamFailure`, or with the reason of the signal. */
export interface Provider {
  complete(request: UpstreamRequest): Promise<JsonAnswer>;
  stream(request: UpstreamRequest): Promise<StreamAnswer>;
  /**
   * Bytes both ways, whatever they are; the headers say what came. Only dialects whose forms, pictures and sounds are
   * OpenAI's have it.
   */
  relay?(request: UpstreamRequest): Promise<StreamAnswer>;
  close(): Promise<void>;
}

/** Separate limits for the parts of an upstream call; all in milliseconds. */
export interface UpstreamTimeouts {
  readonly connectMs: number;
  /** Until the head of an answer that is not a stream: the model has then generated all of it. */
  readonly firstByteMs: number;
  /** From the request to the first event of a stream. */
  readonly firstTokenMs: number;
  /** Silence inside a stream or an answer. */
  readonly betweenFramesMs: number;
  /** The whole call, retries included. */
  readonly totalMs: number;
}

export const DEFAULT_TIMEOUTS: UpstreamTimeouts = {
  connectMs: 5_000,
  firstByteMs: 300_000,
  firstTokenMs: 120_000,
  betweenFramesMs: 60_000,
  totalMs: 600_000,
};
