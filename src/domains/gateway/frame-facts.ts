import { isJsonObject, type JsonObject } from './field-checks.ts';
import { dataOf } from './sse-frames.ts';

/** What one event of a stream means for us. */
export type FrameFacts =
  /** No data: a comment, or an event without payload. */
  | { readonly kind: 'comment' }
  /** Data that no client can read: `data:` alone, `data: : ping`, HTML. */
  | { readonly kind: 'noise' }
  /** An object that is cut or is no JSON. */
  | { readonly kind: 'broken' }
  | { readonly kind: 'done' }
  | { readonly kind: 'error'; readonly error: unknown }
  | {
      readonly kind: 'content';
      readonly sizeBytes: number;
      readonly finished: boolean;
      readonly usage: JsonObject | undefined;
      /** It carries usage and no choice. */
      readonly usageOnly: boolean;
    };

const OPEN = '{'.charCodeAt(0);
const CLOSE = '}'.charCodeAt(0);
const QUOTE = '"'.charCodeAt(0);
const COLON = ':'.charCodeAt(0);
const SPACE = ' '.charCodeAt(0);

/** Looks at the bytes; parses only a frame that names usage or an error. */
export function factsOf(frame: Buffer): FrameFacts {
  const data = dataOf(frame);
  if (data === undefined) return { kind: 'comment' };
  if (data[0] !== OPEN) {
    return { kind: data.length === 6 && data.toString('latin1') === '[DONE]' ? 'done' : 'noise' };
  }
  if (data[data.length - 1] !== CLOSE) return { kind: 'broken' };
  // Quotes inside a JSON string are escaped, so these can only be keys (or values, which parsing sorts out).
  if (data.includes('"usage"') || data.includes('"error"')) return parsedFacts(data);
  const finished = hasFinishReason(data);
  return {
    kind: 'content',
    sizeBytes: data.length,
    finished,
    usage: undefined,
    usageOnly: false,
  };
}

function parsedFacts(data: Buffer): FrameFacts {
  let json: unknown;
  try {
    json = JSON.parse(data.toString('utf8'));
  } catch {
    return { kind: 'broken' };
  }
  if (!isJsonObject(json)) return { kind: 'broken' };
  const { error, usage, choices } = json;
  if (error !== undefined && error !== null) return { kind: 'error', error };
  const reported = isJsonObject(usage) ? usage : undefined;
  const empty = !Array.isArray(choices) || choices.length === 0;
  return {
    kind: 'content',
    sizeBytes: data.length,
    finished: hasFinishReason(data),
    usage: reported,
    usageOnly: reported !== undefined && empty,
  };
}

function hasFinishReason(data: Buffer): boolean {
  const key = '"finish_reason"';
  for (let at = data.indexOf(key); at >= 0; at = data.indexOf(key, at)) {
    at += key.length;
    while (data[at] === SPACE || data[at] === COLON) at += 1;
    if (data[at] === QUOTE) return true;
  }
  return false;
}
