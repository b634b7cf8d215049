import { isJsonObject, type JsonObject } from '../field-checks.ts';
import type { StreamAnswer, UpstreamRequest } from '../provider.ts';
import { garbage } from '../upstream-failure.ts';

type Part = IteratorResult<Buffer, unknown>;

/** A small answer, read to its end. */
export interface WholeRelay {
  readonly kind: 'whole';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The fields of JSON; of plain text its `text`. */
  readonly json: JsonObject;
}

/** An answer that leaves as it comes: from now on there is no other attempt. */
export interface RunningRelay {
  readonly kind: 'bytes' | 'events';
  readonly headers: Readonly<Record<string, string>>;
  /** Events may begin late; everything else has its first bytes here. */
  readonly first: Promise<Part>;
  /** Those are here. */
  readonly begun: boolean;
  readonly answer: StreamAnswer;
}

export type OpenedRelay = WholeRelay | RunningRelay;

/**
 * Asks, and reads as much of the answer as it takes to be sure of it: JSON and texts to their end, sounds and pictures
 * to their first bytes, events for `patienceMs` at most, since the client must not hear nothing for long.
 */
export async function openRelay(
  relay: (request: UpstreamRequest) => Promise<StreamAnswer>,
  request: UpstreamRequest,
  patienceMs: number,
): Promise<OpenedRelay> {
  const answer = await relay(request);
  const { 'content-length': _length, ...others } = answer.headers;
  const kind = kindOf(others['content-type'] ?? '');
  // Events get comments in between, which no length foresees.
  const headers = kind === 'bytes' ? answer.headers : others;
  try {
    if (kind === 'whole') return await readWhole(answer, headers);
    const first = answer.chunks.next();
    // Whoever reads the answer hears of its failure; without a reader nobody needs to.
    first.catch(() => undefined);
    const part = await (kind === 'events' ? within(first, patienceMs) : first);
    if (part?.done === true) throw garbage('The upstream answered with nothing.');
    return { kind, headers, first, begun: part !== undefined, answer };
  } catch (error) {
    answer.release(false);
    throw error;
  }
}

function kindOf(contentType: string): OpenedRelay['kind'] {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type === 'text/event-stream') return 'events';
  const isText = type.startsWith('text/') || type.endsWith('json') || type.includes('subrip');
  return isText ? 'whole' : 'bytes';
}

async function readWhole(
  answer: StreamAnswer,
  headers: Readonly<Record<string, string>>,
): Promise<WholeRelay> {
  const parts: Buffer[] = [];
  for (let part: Part = await answer.chunks.next(); part.done !== true; ) {
    parts.push(part.value);
    part = await answer.chunks.next();
  }
  const body = Buffer.concat(parts);
  const isJson = headers['content-type']?.includes('json') === true;
  if (headers['content-type']?.includes('html') === true)
    throw garbage('The upstream answered with a page of HTML.');
  const json = isJson ? parsed(body) : { text: body.toString('utf8') };
  return { kind: 'whole', headers, body, json };
}

function parsed(body: Buffer): JsonObject {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw garbage('The upstream answered with something that is no JSON.', cause);
  }
  if (!isJsonObject(json)) throw garbage('The upstream answered with JSON that is no object.');
  // An error with status 200 is seen in the wild; a client would take it for an answer.
  const isAnswer = ['data', 'results', 'text'].some((key) => json[key] !== undefined);
  if (isJsonObject(json['error']) && !isAnswer)
    throw garbage('The upstream reported an error with status 200.');
  return json;
}

/** The part, or undefined when it takes longer. */
async function within(part: Promise<Part>, patienceMs: number): Promise<Part | undefined> {
  const patience = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => patience.resolve(undefined), patienceMs);
  try {
    return await Promise.race([part, patience.promise]);
  } finally {
    clearTimeout(timer);
  }
}
