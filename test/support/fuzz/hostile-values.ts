import type { Random } from './random.ts';

/** Stand in a body for what no JavaScript value can be written as; see `bodyText`. */
const DEEP = '@deep@';
const NUMBER = '@number@';
const DEEP_LEVELS = 10_000;

/** Texts that have broken some server: encodings, SQL, paths, templates, numbers as texts. */
export const HOSTILE_TEXTS: readonly string[] = [
  '',
  ' ',
  '\t\n',
  'a\u0000b',
  '\u0000',
  '\ud800',
  'a\udc00b',
  '\udc00\ud800',
  '\ufeff',
  '\u202e\u200b',
  '🦙'.repeat(40),
  '模型',
  'e\u0301'.repeat(30),
  'x'.repeat(129),
  'x'.repeat(257),
  'x'.repeat(2_049),
  "'",
  "' or '1'='1' --",
  "'; drop table files; --",
  "\\'; select pg_sleep(30); --",
  '$1',
  '$$',
  '%',
  '_%\\',
  '"quoted"',
  '../../../../etc/passwd',
  '..%2f..%2fetc%2fpasswd',
  '..\\..\\windows\\win.ini',
  '/etc/passwd',
  'file:///etc/passwd',
  'http://169.254.169.254/latest/meta-data/',
  'http://[::1]:22/',
  'http://user:word@127.0.0.1:1/\u0000',
  'https://',
  'javascript:alert(1)',
  '\r\nx-injected: 1',
  '%00',
  '%s%n%x',
  '${7*7}{{7*7}}',
  '<script>alert(1)</script>',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'NaN',
  '-0',
  'Infinity',
  '1e308',
  '1e999',
  '0x10',
  '9007199254740993',
  '-1',
  'true',
  'null',
  '9999-99-99T99:99:99Z',
  '(a+)+$',
  '*',
  '[',
  'data:image/png;base64,!!!!',
];

/** Numbers at and beyond the ends of what SQL, JavaScript and 32 bits hold; written as JSON text. */
export const HOSTILE_NUMBERS: readonly string[] = [
  '0',
  '-0',
  '-1',
  '1.5',
  '1e308',
  '-1e308',
  '1e999',
  '-1e999',
  '1e-400',
  '2147483648',
  '-2147483649',
  '4294967296',
  '9007199254740993',
  '-9007199254740993',
  '9223372036854775808',
  '1e15',
  '1e300',
  '99999999999999999999999999999999999999',
  '0.1e1',
  '253402300800',
  '8640000000000001',
];

/** What any field may be given in place of its value. */
export function hostileValue(random: Random): unknown {
  const kind = random.integer(10);
  if (kind < 4) return random.pick(HOSTILE_TEXTS);
  if (kind < 7) return `${NUMBER}${random.pick(HOSTILE_NUMBERS)}`;
  return random.pick(OTHERS)();
}

const OTHERS: readonly (() => unknown)[] = [
  () => null,
  () => true,
  () => false,
  () => [],
  () => ({}),
  () => [[]],
  () => [null],
  () => ['a', 1, null, {}],
  () => Array.from({ length: 300 }, (_, index) => index),
  () => Array.from({ length: 5_000 }, () => 'x'),
  () => JSON.parse('{"__proto__":{"polluted":true}}'),
  () => ({ constructor: { prototype: { polluted: true } } }),
  () => ({ '': '', ' ': null, 'a.b': [], 'a\u0000': 1 }),
  () => ({ $ref: '#' }),
  () => ({ toString: 1, valueOf: null, toJSON: 'x', length: -1 }),
  () => Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`k${index}`, 'v'])),
  () => 'x'.repeat(70_000),
  () => '\ud800'.repeat(2_000),
  () => DEEP,
];

/** The body as JSON, with the deep places and the odd numbers in it. */
export function bodyText(body: unknown): string {
  const deep = '['.repeat(DEEP_LEVELS) + ']'.repeat(DEEP_LEVELS);
  return (JSON.stringify(body) ?? '')
    .replaceAll(`"${DEEP}"`, deep)
    .replace(/"@number@([^"]+)"/g, '$1');
}

/** Whole bodies that are wrong as such. */
export const HOSTILE_BODIES: readonly string[] = [
  '',
  ' ',
  '{',
  '}',
  '[]',
  '[{}]',
  'null',
  'true',
  '7',
  '-0',
  '1e999',
  'NaN',
  '"text"',
  '{}{}',
  '{"a":}',
  '{"a":1,}',
  "{'a':1}",
  '\ufeff{}',
  '{"name":"\\u0000"}',
  '{"\\u0000":"name"}',
  '{"name":"\\ud800"}',
  '{"name":"\\udc00\\ud800","scopes":["inference"]}',
  '{"name":"a\u0001b"}',
  '{"__proto__":{"a":1}}',
  '{"constructor":{"prototype":{"a":1}}}',
  '{"name":"a","name":"b","name":{}}',
  '{"name":1e999}',
  '{"toJSON":1,"length":1e9}',
  '/* comment */{}',
  '['.repeat(DEEP_LEVELS),
  '['.repeat(DEEP_LEVELS) + ']'.repeat(DEEP_LEVELS),
  '{"a":'.repeat(DEEP_LEVELS) + '1' + '}'.repeat(DEEP_LEVELS),
  `{"name":${'['.repeat(DEEP_LEVELS)}${']'.repeat(DEEP_LEVELS)}}`,
  `{"metadata":${'{"a":'.repeat(DEEP_LEVELS)}1${'}'.repeat(DEEP_LEVELS)}}`,
  `{"messages":${'['.repeat(DEEP_LEVELS)}`,
  `[${'{},'.repeat(20_000)}{}]`,
  `{${Array.from({ length: 5_000 }, (_, index) => `"k${index}":0`).join(',')}}`,
  `{"name":"${'x'.repeat(300_000)}"}`,
  `{"name":${'9'.repeat(5_000)}}`,
  '\u0000',
  '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
];
