import { hash, randomBytes } from 'node:crypto';

/** A value that must appear nowhere but where it is expected. */
export interface Canary {
  readonly name: string;
  readonly value: string;
}

/** Something that people or programs can read, in full. */
export interface Sink {
  readonly name: string;
  readonly bytes: Buffer;
}

/** A place that has to hold a canary. */
export interface HoldingPlace {
  readonly canary: RegExp;
  readonly sink: RegExp;
  readonly form?: RegExp;
  readonly why: string;
}

export interface Hit {
  readonly canary: string;
  readonly sink: string;
  readonly form: string;
}

/** Looks like no other secret, so that nothing hides it by its look. */
export const newCanary = (name: string): Canary => ({
  name,
  value: `Canary${name.replace(/\W/g, '')}${randomBytes(18).toString('hex')}`,
});

/** Every canary in every sink, in every form that it may have taken. */
export function findCanaries(canaries: readonly Canary[], sinks: readonly Sink[]): Hit[] {
  return sinks.flatMap((sink) =>
    canaries.flatMap((canary) =>
      formsOf(canary.value)
        .filter(([, bytes]) => sink.bytes.includes(bytes))
        .map(([form]) => ({ canary: canary.name, sink: sink.name, form })),
    ),
  );
}

/** The hits that no holding place explains, and the holding places that explain nothing. */
export function judged(
  hits: readonly Hit[],
  places: readonly HoldingPlace[],
): { leaks: Hit[]; unused: HoldingPlace[] } {
  const explains = (place: HoldingPlace, hit: Hit) =>
    place.canary.test(hit.canary) &&
    place.sink.test(hit.sink) &&
    (place.form ?? /^plain$/).test(hit.form);
  return {
    leaks: hits.filter((hit) => !places.some((place) => explains(place, hit))),
    unused: places.filter((place) => !hits.some((hit) => explains(place, hit))),
  };
}

// Base64 has three forms of a text in the middle of another; the one from its first byte is what whole values have.
function formsOf(value: string): [form: string, bytes: Buffer][] {
  const bytes = Buffer.from(value);
  const digest = hash('sha256', value, 'buffer');
  const texts: [string, string][] = [
    ['plain', value],
    ['hex', bytes.toString('hex')],
    ['base64', unpadded(bytes)],
    ['base64url', bytes.toString('base64url')],
    ['reversed', [...value].reverse().join('')],
    ['sha256 hex', digest.toString('hex')],
    ['sha256 base64', unpadded(digest)],
    ['sha256 base64url', digest.toString('base64url')],
  ];
  return texts.map(([form, text]) => [form, Buffer.from(text)]);
}

// The last digits depend on what follows.
const unpadded = (bytes: Buffer) => bytes.toString('base64').replace(/..?=*$/, '');
