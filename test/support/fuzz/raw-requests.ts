import type { Random } from './random.ts';

export interface RawRequest {
  readonly name: string;
  readonly bytes: string | Buffer;
}

const HOST = 'host: llamp.example\r\n';
const JSON_TYPE = 'content-type: application/json\r\n';
const POST = `POST /api/v1/auth/sign-in HTTP/1.1\r\n${HOST}${JSON_TYPE}`;

const get = (headers: string) => `GET /v1/models HTTP/1.1\r\n${HOST}${headers}\r\n`;
const lines = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => `${line(index)}\r\n`).join('');

/** What no client library sends: each must be refused, or its connection closed. */
export const RAW_REQUESTS: readonly RawRequest[] = [
  { name: 'no HTTP at all', bytes: 'hello\r\n\r\n' },
  { name: 'a TLS hello', bytes: Buffer.from('16030100a5010000a10303', 'hex') },
  { name: 'the preface of HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' },
  { name: 'HTTP/0.9', bytes: 'GET /v1/models\r\n\r\n' },
  { name: 'an unknown version', bytes: `GET / HTTP/9.9\r\n${HOST}\r\n` },
  { name: 'an unknown method', bytes: `EXPLODE / HTTP/1.1\r\n${HOST}\r\n` },
  { name: 'a method in small letters', bytes: `get / HTTP/1.1\r\n${HOST}\r\n` },
  { name: 'CONNECT', bytes: 'CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n' },
  { name: 'a space in the path', bytes: `GET /v1/a b HTTP/1.1\r\n${HOST}\r\n` },
  {
    name: 'raw bytes in the path',
    bytes: Buffer.from(`GET /v1/\xff\xfe HTTP/1.1\r\n${HOST}\r\n`, 'latin1'),
  },
  { name: 'an endless path', bytes: `GET /${'x'.repeat(100_000)} HTTP/1.1\r\n${HOST}\r\n` },
  { name: 'no host', bytes: 'GET /v1/models HTTP/1.1\r\n\r\n' },
  { name: 'two hosts', bytes: get(HOST) },
  { name: 'a header without a colon', bytes: get('nothing\r\n') },
  { name: 'a header without a name', bytes: get(': x\r\n') },
  { name: 'a space before the colon', bytes: get('x-a : b\r\n') },
  { name: 'a folded header', bytes: get('x-a: b\r\n c\r\n') },
  { name: 'NUL in a header', bytes: get('x-a: b\0c\r\n') },
  { name: 'a bare line feed', bytes: get('x-a: b\nx-b: c\r\n') },
  { name: 'a bare carriage return', bytes: get('x-a: b\rx-b: c\r\n') },
  { name: 'a header of 64 KiB', bytes: get(`x-a: ${'x'.repeat(65_536)}\r\n`) },
  { name: 'a key of 64 KiB', bytes: get(`authorization: Bearer ${'x'.repeat(65_536)}\r\n`) },
  { name: '3,000 short headers', bytes: get(lines(3_000, () => 'a:b')) },
  { name: '5,000 headers', bytes: get(lines(5_000, (index) => `x-h${index}: v`)) },
  { name: '2,000 cookies', bytes: get(lines(2_000, () => 'cookie: a=b')) },
  { name: 'two lengths', bytes: `${POST}content-length: 2\r\ncontent-length: 3\r\n\r\n{}x` },
  {
    name: 'a length and chunks',
    bytes: `${POST}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  },
  { name: 'a negative length', bytes: `${POST}content-length: -1\r\n\r\n{}` },
  { name: 'a length in words', bytes: `${POST}content-length: two\r\n\r\n{}` },
  { name: 'a length with a sign', bytes: `${POST}content-length: +2\r\n\r\n{}` },
  {
    name: 'a length beyond all numbers',
    bytes: `${POST}content-length: ${'9'.repeat(40)}\r\n\r\n{}`,
  },
  { name: 'a length of 11 GB', bytes: `${POST}content-length: 11811160064\r\n\r\n{}` },
  { name: 'an unknown transfer encoding', bytes: `${POST}transfer-encoding: gzip\r\n\r\n{}` },
  { name: 'chunked twice', bytes: `${POST}transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n` },
  {
    name: 'chunked in the middle',
    bytes: `${POST}transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n`,
  },
  {
    name: 'a chunk of no size',
    bytes: `${POST}transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`,
  },
  {
    name: 'a chunk beyond all numbers',
    bytes: `${POST}transfer-encoding: chunked\r\n\r\n${'f'.repeat(40)}\r\n`,
  },
  {
    name: 'an endless chunk extension',
    bytes: `${POST}transfer-encoding: chunked\r\n\r\n2;${'x'.repeat(70_000)}\r\n{}\r\n0\r\n\r\n`,
  },
  {
    name: 'an unknown expectation',
    bytes: `${POST}expect: miracles\r\ncontent-length: 2\r\n\r\n{}`,
  },
  {
    name: 'an upgrade',
    bytes: get('connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\n'),
  },
];

/** An Authorization header of arbitrary bytes, or close to a right one. Line ends would end it. */
export function authorizationValue(random: Random): string {
  const schemes = [
    'Bearer ',
    'bearer  ',
    'Bearer\t',
    'Basic ',
    'Bearer',
    '',
    'Token ',
    'Bearer Bearer ',
  ];
  const scheme = random.pick(schemes);
  return scheme + credential(random);
}

function credential(random: Random): string {
  const length = random.integer(random.chance(0.005) ? 9_000 : 120);
  const from = random.pick([
    'sk-llamp-',
    'sk-llamp-',
    'eyJ',
    'eyJhbGciOiJFZERTQSJ9.',
    '',
    "' or 1=1 --",
    '%00',
    '../',
  ]);
  const alphabets = [ALPHANUMERIC, ALPHANUMERIC, `${ALPHANUMERIC}.-_=`, LATIN];
  const alphabet = random.pick(alphabets);
  return (
    from + Array.from({ length }, () => alphabet.charAt(random.integer(alphabet.length))).join('')
  );
}

const ALPHANUMERIC = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const LATIN = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code))
  .join('')
  .replace(/[\r\n]/g, '');
