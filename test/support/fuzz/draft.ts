import { examplesFor, takesForm } from './example-bodies.ts';
import { sampleOf, type ValuesByField } from './json-schema.ts';
import { multipartForm } from './multipart.ts';
import type { Operation } from './operations.ts';
import type { Random } from './random.ts';

/** A request in the making: right at first, then changed by twists. */
export interface Draft {
  method: string;
  readonly path: string;
  /** As they stand in the URL. */
  readonly pathValues: Record<string, string>;
  readonly query: [name: string, value: string][];
  readonly headers: Record<string, string>;
  /** The body as a value; it is written when no twist has written `bytes`. */
  body: unknown;
  bytes: string | Buffer | undefined;
}

/** What a request may name that exists. */
export interface Surroundings {
  readonly key: string;
  readonly known: ValuesByField;
}

/** A request that the description allows. */
export function draftOf(operation: Operation, random: Random, around: Surroundings): Draft {
  const { known } = around;
  const draft: Draft = {
    method: operation.method,
    path: operation.path,
    pathValues: Object.fromEntries(
      operation.pathParameters.map((name) => [
        name,
        encodeURIComponent(String(random.pick(known[name] ?? ['missing']))),
      ]),
    ),
    query: operation.queryParameters
      .filter(() => random.chance(0.3))
      .map(({ name, schema }) => [name, String(sampleOf(schema, { random, field: name, known }))]),
    headers: { authorization: `Bearer ${around.key}` },
    body: undefined,
    bytes: undefined,
  };
  addBody(draft, operation, random, known);
  return draft;
}

function addBody(draft: Draft, operation: Operation, random: Random, known: ValuesByField): void {
  if (draft.method === 'POST' && takesForm(operation.path)) {
    const { bytes, contentType } = multipartForm(random);
    draft.bytes = bytes;
    draft.headers['content-type'] = contentType;
    return;
  }
  const examples = examplesFor(operation.path);
  if (examples !== undefined) draft.body = structuredClone(random.pick(examples));
  else if (operation.body !== undefined)
    draft.body = sampleOf(operation.body, { random, field: '', known });
  else return;
  draft.headers['content-type'] = 'application/json';
}

/** Path and query as they are sent. */
export function urlOf({ path, pathValues, query }: Draft): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => pathValues[name] ?? '');
  if (query.length === 0) return filled;
  return `${filled}?${query.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&')}`;
}

/** Percent-encodes a text; one that says so already is left as it is. */
export function encode(text: string): string {
  if (text.startsWith('raw:')) return text.slice(4);
  return encodeURIComponent(text.toWellFormed());
}
