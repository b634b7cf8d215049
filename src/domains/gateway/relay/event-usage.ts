import { isJsonObject, type JsonObject } from '../field-checks.ts';
import { dataOf, FrameSplitter, FrameTooLongError } from '../sse-frames.ts';
import { type ReportedUsage, reportedUsage } from './relay-usage.ts';

/** Reads along with a stream of events for what it says about its use, and whether it failed. */
export class EventUsage {
  readonly #splitter = new FrameSplitter();
  #isReading = true;
  /** The last report. */
  reported: ReportedUsage = {};
  /** The upstream told of its failure in an event. */
  failed = false;

  push(chunk: Buffer): void {
    if (!this.#isReading) return;
    try {
      for (const frame of this.#splitter.push(chunk)) this.#read(frame);
    } catch (error) {
      if (!(error instanceof FrameTooLongError)) throw error;
      // A large picture; the client gets it all the same, and its use is estimated.
      this.#isReading = false;
    }
  }

  #read(frame: Buffer): void {
    if (!frame.includes('usage"') && !frame.includes('rror"')) return;
    const event = objectOf(dataOf(frame));
    if (event === undefined) return;
    if (isJsonObject(event['error']) || event['type'] === 'error') this.failed = true;
    if (isJsonObject(event['usage'])) this.reported = reportedUsage(event);
  }
}

function objectOf(data: Buffer | undefined): JsonObject | undefined {
  if (data === undefined) return undefined;
  try {
    const json: unknown = JSON.parse(data.toString('utf8'));
    return isJsonObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}
