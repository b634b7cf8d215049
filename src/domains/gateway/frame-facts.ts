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
  /** What stands around content, in dialects that have events for it. */
  | {
      readonly kind: 'outline';
      readonly usage: JsonObject | undefined;
      /** The answer has begun; before that another attempt may still take over. */
      readonly begins: boolean;
    }
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
// What frames a usual object: `data: ` and the blank line.
const PLAIN_FRAME_BYTES = 8;

/** Looks at the bytes; parses only a frame that names usage or an error. */
export function factsOf(
  frame: Buffer,
  // One crossing into native code for the usual frame, where searching the bytes takes one for each thing searched.
  text: string = frame.toString('latin1'),
): FrameFacts {
  if (isOneObject(text) && !mayReport(text))
    return plainFacts(text, text.length - PLAIN_FRAME_BYTES);
  const data = dataOf(frame);
  if (data === undefined) return { kind: 'comment' };
  if (data[0] !== OPEN) {
    return { kind: data.length === 6 && data.toString('latin1') === '[DONE]' ? 'done' : 'noise' };
  }
  if (data[data.length - 1] !== CLOSE) return { kind: 'broken' };
  return mayReport(text) ? parsedFacts(data) : plainFacts(text, data.length);
}

/** `data: {…}` and its blank line, as nearly every server writes them. */
function isOneObject(text: string): boolean {
  return (
    text.startsWith('data: {') && text.endsWith('}\n\n') && text.indexOf('\n') === text.length - 2
  );
}

// Keys (or what looks like them, which parsing sorts out), without their first letters: a search that begins with a
// quote or an `e`, of which JSON is full, takes five times as long.
const mayReport = (text: string) => text.includes('usage"') || text.includes('rror"');

function plainFacts(text: string, sizeBytes: number): FrameFacts {
  const finished = hasFinishReason(text);
  return { kind: 'content', sizeBytes, finished, usage: undefined, usageOnly: false };
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
    finished: hasFinishReason(data.toString('latin1')),
    usage: reported,
    usageOnly: reported !== undefined && empty,
  };
}

function hasFinishReason(text: string): boolean {
  const key = 'finish_reason"';
  for (let at = text.indexOf(key); at >= 0; at = text.indexOf(key, at)) {
    at += key.length;
    while (text[at] === ' ' || text[at] === ':') at += 1;
    if (text[at] === '"') return true;
  }
  return false;
}
