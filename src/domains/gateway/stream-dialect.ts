import type { AppError } from '../../lib/app-error.ts';
import type { JsonObject } from './field-checks.ts';
import type { FrameFacts } from './frame-facts.ts';
import type { RequestBody } from './request-body.ts';
import type { UsageCounts } from './usage-counts.ts';

/** What an upstream said about the tokens of one answer. */
export interface ReportedUsage {
  /** In its own words. */
  readonly usage?: JsonObject;
  /** What they amount to; undefined when they say nothing usable. */
  readonly counts?: UsageCounts;
}

/** How the answers of one API are read and ended; everything else treats their frames as bytes. */
export interface StreamDialect {
  /** The body for an upstream that shall report usage in its stream. */
  streamedBody(body: RequestBody): Buffer;
  /** Usage frames are there only because we asked for them. */
  hidesUsage(json: JsonObject): boolean;
  /** `text` is the frame in latin1, when it is known already. */
  factsOf(frame: Buffer, text?: string): FrameFacts;
  /** The usage of a stream after one more frame has reported some. */
  mergeUsage(before: JsonObject | undefined, reported: JsonObject): JsonObject;
  /** Undefined when it says nothing usable. */
  countsOf(usage: JsonObject | undefined): UsageCounts | undefined;
  /** Tokens of the text in an answer that is no stream and reports no usage. */
  estimateCompletion(json: JsonObject): number;
  /** The event that ends a stream in failure. */
  errorEvent(error: AppError, requestId: string): Buffer;
}
