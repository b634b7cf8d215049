import { isJsonObject, type JsonObject } from '../field-checks.ts';
import type { FrameFacts } from '../frame-facts.ts';
import { dataOf } from '../sse-frames.ts';

const OPEN = '{'.charCodeAt(0);
const CLOSE = '}'.charCodeAt(0);
const PLAIN_START = 'event: content_block_delta\ndata: {';
const PLAIN_END = '}\n\n';

/** What one event of Anthropic's stream means for us; parses only what is no plain piece of content. */
export function anthropicFactsOf(frame: Buffer): FrameFacts {
  const text = frame.toString('latin1');
  if (text.startsWith(PLAIN_START) && text.endsWith(PLAIN_END)) return contentFacts(text.length);
  const data = dataOf(frame);
  if (data === undefined) return { kind: 'comment' };
  if (data[0] !== OPEN) return { kind: 'noise' };
  if (data[data.length - 1] !== CLOSE) return { kind: 'broken' };
  return parsedFacts(data);
}

function parsedFacts(data: Buffer): FrameFacts {
  let json: unknown;
  try {
    json = JSON.parse(data.toString('utf8'));
  } catch {
    return { kind: 'broken' };
  }
  if (!isJsonObject(json)) return { kind: 'broken' };
  switch (json['type']) {
    case 'message_start':
      return { kind: 'outline', begins: false, usage: usageIn(json['message']) };
    case 'content_block_delta':
      return contentFacts(data.length);
    case 'message_stop':
      return { kind: 'done' };
    case 'ping':
      return { kind: 'comment' };
    case 'error':
      return { kind: 'error', error: json['error'] };
    default:
      return { kind: 'outline', begins: true, usage: usageIn(json) };
  }
}

function contentFacts(sizeBytes: number): FrameFacts {
  return { kind: 'content', sizeBytes, finished: false, usage: undefined, usageOnly: false };
}

function usageIn(holder: unknown): JsonObject | undefined {
  const usage = isJsonObject(holder) ? holder['usage'] : undefined;
  return isJsonObject(usage) ? usage : undefined;
}
