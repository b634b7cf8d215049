import { HOSTILE_TEXTS } from './hostile-values.ts';
import type { Random } from './random.ts';

const BOUNDARY = 'fuzz-boundary';
const FILE_NAMES = [
  'note.txt',
  'a.pdf',
  'a.html',
  '../../etc/passwd',
  '..\\a.txt',
  '.',
  '',
  'x'.repeat(600),
  'a%00.txt',
  '模型.md',
  'a";x="b',
  'a.exe',
];
const PURPOSES = ['assistants', 'user_data', 'fun', '', '__proto__', 'x'.repeat(10_000)];
const CONTENT_TYPES = [
  'text/plain',
  'application/pdf',
  'text/html; charset=nothing',
  'a',
  '',
  'application/octet-stream',
];

interface Form {
  readonly bytes: Buffer;
  readonly contentType: string;
}

/** A form that is right in half of all cases; otherwise odd parts, a lost end, a wrong boundary. */
export function multipartForm(random: Random): Form {
  const isRight = random.chance(0.5);
  const parts = isRight ? rightParts() : oddParts(random);
  const whole = Buffer.concat([...parts, Buffer.from(`--${BOUNDARY}--\r\n`)]);
  const isCut = !isRight && random.chance(0.3);
  return {
    bytes: isCut ? whole.subarray(0, random.integer(whole.length)) : whole,
    contentType: isRight || random.chance(0.8) ? typeOf(BOUNDARY) : oddContentType(random),
  };
}

const typeOf = (boundary: string) => `multipart/form-data; boundary=${boundary}`;

const oddContentType = (random: Random) =>
  random.pick([
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary="',
    'multipart/mixed; boundary=b',
    typeOf('another'),
    typeOf('x'.repeat(300)),
  ]);

function rightParts(): Buffer[] {
  return [
    part('name="purpose"', 'assistants'),
    part('name="model"', 'scripted-chat'),
    part('name="file"; filename="note.txt"\r\ncontent-type: text/plain', 'a note'),
    part('name="image"; filename="a.png"\r\ncontent-type: image/png', 'no picture'),
    part('name="prompt"', 'a llama'),
  ];
}

function oddParts(random: Random): Buffer[] {
  const file = `name="${random.pick(['file', 'image', 'file[]', 'purpose', ''])}"; filename="${random.pick(FILE_NAMES)}"`;
  const odd = [
    part('name="purpose"', random.pick(PURPOSES)),
    part(
      `name="${random.pick(['purpose', 'model', '__proto__', 'constructor', 'n', ''])}"`,
      random.pick(HOSTILE_TEXTS),
    ),
    part(`${file}\r\ncontent-type: ${random.pick(CONTENT_TYPES)}`, content(random)),
    part(file, content(random)),
    part('filename="a.txt"', 'no name'),
    part('', 'no disposition'),
    part('name="expires_after[anchor]"', 'tomorrow'),
    part('name="expires_after[seconds]"', '-1'),
    Buffer.from(`--${BOUNDARY}\r\n\r\n`),
    Buffer.from('preamble without a boundary\r\n'),
    Buffer.from(`--${BOUNDARY}\r\n${'x-padding: y\r\n'.repeat(300)}\r\n`),
  ];
  return Array.from({ length: 1 + random.integer(5) }, () => random.pick(odd));
}

const content = (random: Random): string | Buffer =>
  random.pick<string | Buffer>([
    '',
    'text',
    '%PDF-1.7 broken',
    '<html>'.repeat(500),
    'x'.repeat(100_000),
    Buffer.from([0xff, 0xfe, 0x00, 0xd8, 0x00]),
    Buffer.from('PK\u0003\u0004 no archive', 'latin1'),
    `--${BOUNDARY}`,
  ]);

function part(disposition: string, body: string | Buffer): Buffer {
  const head = `--${BOUNDARY}\r\ncontent-disposition: form-data; ${disposition}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(body), Buffer.from('\r\n')]);
}
