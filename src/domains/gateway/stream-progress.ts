import type { AppError } from '../../lib/app-error.ts';
import type { UpstreamEndpoint } from '../models/index.ts';
import type { JsonObject } from './field-checks.ts';
import type { FrameFacts } from './frame-facts.ts';
import { failureOfErrorEvent, isShownAsItIs } from './in-band-error.ts';
import type { ReportedUsage, StreamDialect } from './stream-dialect.ts';
import { joinedFrames } from './sse-frames.ts';
import { failure, garbage } from './upstream-failure.ts';
import { quotesCredential } from './without-credential.ts';

const BYTES_PER_TOKEN = 4;

/** What became of the frames of one stream so far: which the client gets, and what they told us. */
export class StreamProgress {
  readonly #dialect: StreamDialect;
  readonly #hideUsage: boolean;
  #finished = false;
  #frames = 0;
  #bytes = 0;
  #smallestFrameBytes = Number.POSITIVE_INFINITY;
  #usage: JsonObject | undefined;
  #endpoint: UpstreamEndpoint | undefined;
  #translated: (() => ReportedUsage) | undefined;
  /** The last event was read. */
  done = false;
  /** The upstream told of its failure, or broke the protocol. */
  failure: AppError | undefined;
  /** The client has been told about `failure` already, in the upstream's own words. */
  failureShown = false;

  constructor(options: { dialect: StreamDialect; hideUsage: boolean }) {
    this.#dialect = options.dialect;
    this.#hideUsage = options.hideUsage;
  }

  /** The frames of `batch` that go to the client; what follows the end or a failure does not. */
  take(batch: readonly Buffer[]): readonly Buffer[] {
    const text = textOf(batch);
    const shown: Buffer[] = [];
    let start = 0;
    for (const frame of batch) {
      if (this.done || this.failure !== undefined) break;
      const end = start + frame.length;
      if (this.#shows(this.#dialect.factsOf(frame, text.slice(start, end)))) shown.push(frame);
      start = end;
    }
    return shown.length === batch.length ? batch : shown;
  }

  /** What the upstream has reported so far. */
  get reported(): ReportedUsage {
    if (this.#translated !== undefined) return this.#translated();
    return { usage: this.#usage, counts: this.#dialect.countsOf(this.#usage) };
  }

  /** Who sends the frames; `reported` is asked from here on where they were translated. */
  comesFrom(
    endpoint: UpstreamEndpoint | undefined,
    reported: (() => ReportedUsage) | undefined,
  ): void {
    this.#endpoint = endpoint;
    this.#translated = reported;
  }

  /** The stream came to an end that its protocol allows. */
  get complete(): boolean {
    return this.failure === undefined && (this.done || this.#finished);
  }

  /** Without usage from the upstream: an event is about a token, and a fat event is several. */
  estimateCompletion(): number {
    if (this.#frames === 0) return 0;
    const textBytes = this.#bytes - this.#frames * this.#smallestFrameBytes;
    return Math.max(this.#frames, Math.ceil(textBytes / BYTES_PER_TOKEN));
  }

  /** Why the stream is not whole. */
  cut(): AppError {
    return failure('truncated', 'upstream_error', {
      message: 'The upstream ended the stream before the answer was complete.',
    });
  }

  #shows(facts: FrameFacts): boolean {
    switch (facts.kind) {
      case 'comment':
        return true;
      case 'noise':
        return false;
      case 'done':
        this.done = true;
        return true;
      case 'broken':
        this.failure = garbage('The upstream sent an event that is no JSON.');
        return false;
      case 'error':
        this.failure = failureOfErrorEvent(facts.error);
        this.failureShown =
          isShownAsItIs(facts.error) &&
          !quotesCredential(JSON.stringify(facts.error), this.#endpoint);
        return this.failureShown;
      case 'outline':
        this.#learnUsage(facts.usage);
        return true;
      case 'content':
        return this.#showsContent(facts);
    }
  }

  #showsContent(facts: FrameFacts & { kind: 'content' }): boolean {
    this.#learnUsage(facts.usage);
    this.#finished ||= facts.finished;
    if (facts.usageOnly) return !this.#hideUsage;
    this.#frames += 1;
    this.#bytes += facts.sizeBytes;
    this.#smallestFrameBytes = Math.min(this.#smallestFrameBytes, facts.sizeBytes);
    return true;
  }

  #learnUsage(usage: JsonObject | undefined): void {
    if (usage !== undefined) this.#usage = this.#dialect.mergeUsage(this.#usage, usage);
  }
}

/** A batch in latin1, at once: to decode each frame costs as much as to look at it. */
function textOf(batch: readonly Buffer[]): string {
  return joinedFrames(batch).toString('latin1');
}
