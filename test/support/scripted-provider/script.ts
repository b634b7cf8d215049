/** How one request is answered wrongly, or slowly. */
export type Fault =
  | 'none'
  | 'status-400'
  | 'status-401'
  | 'status-403'
  | 'status-404'
  | 'status-413'
  | 'status-422'
  | 'status-429'
  | 'status-500'
  | 'status-503'
  /** 400 in the form of another framework: `{"detail"}`. */
  | 'detail-400'
  /** 502 with a page of HTML. */
  | 'html-502'
  /** The connection is reset before any byte of the answer. */
  | 'reset'
  /** Bytes that are no HTTP. */
  | 'garbage'
  /** Status 200 and a page of HTML. */
  | 'html-200'
  /** Never a byte. */
  | 'hang'
  /** The head of the answer, then nothing. */
  | 'hang-after-head'
  /** The connection is reset after `frames` events, or in the middle of the JSON. */
  | 'cut'
  /** A proper end of the answer after `frames` events: no finish reason, no `[DONE]`. */
  | 'early-end'
  /** Silence after `frames` events. */
  | 'stall'
  /** After `frames` events one that is no JSON. */
  | 'malformed-frame'
  /** `data:` alone and `data: : ping` between the events. */
  | 'noise'
  /** Comments and an `event:` line between the events. */
  | 'comments'
  /** Every write ends inside a character. */
  | 'split-utf8'
  /** One event of about 1 MB. */
  | 'giant-frame'
  /** One event that never ends. */
  | 'endless-frame'
  /** Status 200, then an error as the first event. */
  | 'error-first'
  /** The same, and the request is to blame. */
  | 'refusal-first'
  /** An error after `frames` events. */
  | 'error-later'
  /** A stream without a single event. */
  | 'empty'
  | 'no-done'
  /** The last event is not followed by a blank line. */
  | 'no-last-blank-line'
  /** Lines end with CR LF. */
  | 'crlf'
  /** Usage together with the finish reason, not in an event of its own. */
  | 'usage-in-finish'
  /** Usage in every event. */
  | 'usage-everywhere'
  /** No usage, whatever was asked. */
  | 'no-usage';

/** How to answer. What is not given has the value of `PLAIN`. */
export interface Script {
  readonly fault: Fault;
  /** Requests that fail this way before the next ones are answered plainly; unlimited by default. */
  readonly times: number;
  /** Before the head of the answer. */
  readonly delayMs: number;
  /** Between two events of a stream. */
  readonly paceMs: number;
  /** Events with text; for faults, those before the fault. */
  readonly frames: number;
  /** Retry-After of 429 and 503, in seconds; none when negative. */
  readonly retryAfter: number;
}

export const PLAIN: Script = {
  fault: 'none',
  times: Number.POSITIVE_INFINITY,
  delayMs: 0,
  paceMs: 0,
  frames: 4,
  retryAfter: -1,
};

/**
 * Reads a script from a model name of the form `scripted:fault=cut,frames=2`; the whole name is the model. Tests in
 * another process steer the provider by it alone.
 */
export function scriptOfModel(model: string): Partial<Script> {
  const [prefix, settings] = [model.slice(0, 9), model.slice(9)];
  if (prefix !== 'scripted:') return {};
  const pairs = settings.split(',').map((setting) => setting.split('=', 2));
  return Object.fromEntries(
    pairs.map(([key, value]) => [key, key === 'fault' ? value : Number(value)]),
  );
}
