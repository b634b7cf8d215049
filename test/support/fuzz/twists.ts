import { type Draft, encode } from './draft.ts';
import {
  bodyText,
  HOSTILE_BODIES,
  HOSTILE_NUMBERS,
  HOSTILE_TEXTS,
  hostileValue,
} from './hostile-values.ts';
import type { Random } from './random.ts';

/** Makes a request wrong in one way. */
type Twist = (draft: Draft, random: Random) => void;

const FIELDS = [
  '__proto__',
  'constructor',
  'toString',
  '',
  'a\u0000',
  'admin',
  'id',
  'organization_id',
];
const RAW_URL_TEXTS = [
  '%',
  '%E0%A4%A',
  '%ff%fe',
  '%00',
  '.',
  '..',
  '%2e%2e',
  '%2F',
  '%5c',
  '+',
  '%0d%0a',
];
const CURSORS = ['missing', 'file-0', 'null', '[object Object]', 'eyJpZCI6MX0=', '9'.repeat(100)];
const CONTENT_TYPES = [
  '',
  'text/plain',
  'application/xml',
  'application/x-www-form-urlencoded',
  'application/json; charset=utf-16',
  'application/json; charset=nothing',
  'application/json;;;',
  'APPLICATION/JSON',
  'application/jsonp',
  'application/json, text/plain',
  'multipart/form-data',
  'multipart/form-data; boundary=b',
  'a/b/c',
  '*/*',
  ';',
];
const ODD_HEADERS: readonly (readonly [string, string])[] = [
  ['content-encoding', 'gzip'],
  ['content-encoding', 'br, br, br'],
  ['accept', 'x/y;q=zzz'],
  ['accept-encoding', '*;q=0'],
  ['x-request-id', 'x\u00e9y z'],
  ['x-request-id', 'r'.repeat(5_000)],
  ['x-llamp-project', "'; drop table projects; --"],
  ['x-llamp-project', '__proto__'],
  ['x-forwarded-for', 'not an address, ::1, 999.1.1.1'],
  ['x-forwarded-proto', 'gopher'],
  ['host', 'evil.example\\@x'],
  ['origin', 'null'],
  ['range', 'bytes=9-1,-5,x'],
  ['if-none-match', '"*'],
  ['cookie', '__proto__=1; a'],
  ['anthropic-version', 'tomorrow'],
  ['x-http-method-override', 'DELETE'],
  ['upgrade', 'h2c'],
  ['user-agent', '${jndi:ldap://x}\u0080'],
];
const CREDENTIALS = [
  '',
  'Bearer',
  'Bearer ',
  'Bearer a b',
  'Basic YTpi',
  'Bearer sk-llamp-',
  `Bearer ${'x'.repeat(8_000)}`,
  'Bearer eyJhbGciOiJub25lIn0.e30.',
  "Bearer ' or 1=1 --",
  'bearer \u00e9',
];
const OVERSIZED = 11 * 1024 ** 2;

/** With how often each is tried. */
const TWISTS: readonly (readonly [share: number, twist: Twist])[] = [
  [30, changeField],
  [6, dropField],
  [6, addField],
  [10, (draft, random) => void (draft.bytes = random.pick(HOSTILE_BODIES))],
  [4, repeatFirstKey],
  [4, cutBody],
  [4, spoilBytes],
  [6, (draft, random) => void (draft.headers['content-type'] = random.pick(CONTENT_TYPES))],
  [14, changePathValue],
  [14, changeQuery],
  [4, (draft, random) => void (draft.headers['authorization'] = random.pick(CREDENTIALS))],
  [6, addOddHeader],
  [2, (draft, random) => void (draft.method = random.pick(['PUT', 'PATCH', 'OPTIONS', 'HEAD']))],
];
const SHARES = TWISTS.reduce((sum, [share]) => sum + share, 0);

/** One to three of them, one after the other. A twist that has no place in the request leaves it as it is. */
export function twist(draft: Draft, random: Random): void {
  // Each of these takes as long as a hundred others.
  if (random.chance(0.002)) draft.bytes = `{"padding":"${'x'.repeat(OVERSIZED)}"}`;
  const count = 1 + random.integer(3);
  for (let done = 0; done < count; done++) pickTwist(random)(draft, random);
}

function pickTwist(random: Random): Twist {
  let rest = random.integer(SHARES);
  for (const [share, each] of TWISTS) {
    rest -= share;
    if (rest < 0) return each;
  }
  return changeField;
}

type Holder = Record<string, unknown>;

/** Somewhere in a body: an object or array and one of its keys. */
function placeIn(body: unknown, random: Random): { holder: Holder; key: string } | undefined {
  if (!isHolder(body)) return undefined;
  const keys = Object.keys(body);
  if (keys.length === 0) return undefined;
  const key = random.pick(keys);
  const deeper = random.chance(0.6) ? placeIn(body[key], random) : undefined;
  return deeper ?? { holder: body, key };
}

const isHolder = (value: unknown): value is Holder => typeof value === 'object' && value !== null;

function changeField(draft: Draft, random: Random): void {
  const place = placeIn(draft.body, random);
  if (place === undefined) draft.body = draft.bytes === undefined ? undefined : draft.body;
  else place.holder[place.key] = hostileValue(random);
}

function dropField(draft: Draft, random: Random): void {
  const place = placeIn(draft.body, random);
  if (place !== undefined) delete place.holder[place.key];
}

function addField(draft: Draft, random: Random): void {
  const place = placeIn(draft.body, random);
  if (place === undefined) return;
  const name = random.pick(FIELDS);
  const value = hostileValue(random);
  Object.defineProperty(place.holder, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function repeatFirstKey(draft: Draft, random: Random): void {
  if (!isHolder(draft.body) || Array.isArray(draft.body)) return;
  const [key] = Object.keys(draft.body);
  if (key === undefined) return;
  const before = bodyText({ [key]: hostileValue(random) }).slice(0, -1);
  draft.bytes = `${before},${bodyText(draft.body).slice(1)}`;
}

function cutBody(draft: Draft, random: Random): void {
  const whole = draft.bytes ?? (draft.body === undefined ? '' : bodyText(draft.body));
  draft.bytes = whole.slice(0, random.integer(whole.length + 1));
}

function spoilBytes(draft: Draft, random: Random): void {
  const bytes = Buffer.from(draft.bytes ?? (draft.body === undefined ? '' : bodyText(draft.body)));
  if (bytes.length === 0) return;
  for (let count = 0; count < 3; count++) bytes[random.integer(bytes.length)] = random.integer(256);
  draft.bytes = bytes;
}

function changePathValue(draft: Draft, random: Random): void {
  const names = Object.keys(draft.pathValues);
  if (names.length === 0) return;
  draft.pathValues[random.pick(names)] = random.chance(0.3)
    ? random.pick(RAW_URL_TEXTS)
    : encode(random.pick([...HOSTILE_TEXTS, ...CURSORS, 'x'.repeat(600)]));
}

function changeQuery(draft: Draft, random: Random): void {
  const names = ['after', 'limit', 'order', 'before', ...draft.query.map(([name]) => name)];
  const name = random.chance(0.8)
    ? random.pick(names)
    : random.pick([...FIELDS, 'limit[]', 'limit[a]', 'raw:%', 'raw:&&==&']);
  const value = random.chance(0.2)
    ? `raw:${random.pick(RAW_URL_TEXTS)}`
    : random.pick([...HOSTILE_TEXTS, ...HOSTILE_NUMBERS, ...CURSORS]);
  draft.query.push([name, value]);
  if (random.chance(0.02)) for (let count = 0; count < 300; count++) draft.query.push([name, 'x']);
}

function addOddHeader(draft: Draft, random: Random): void {
  const [name, value] = random.pick(ODD_HEADERS);
  draft.headers[name] = value;
}
