import { describe, expect, it } from 'vitest';
import { formParts, isForm } from './multipart-form.ts';
import { bytesForUpstream, relayBody } from './relay-body.ts';
import { RELAY_ENDPOINTS } from './relay-endpoints.ts';

const TYPE = 'multipart/form-data; boundary=b1';
const field = (name: string, value: string) =>
  `--b1\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const file = (name: string, value: string) =>
  `--b1\r\ncontent-disposition: form-data; name="${name}"; filename="a; name=\\"model\\".wav"\r\nContent-Type: audio/wav\r\n\r\n${value}\r\n`;
const END = '--b1--\r\n';

const read = (text: string, type = TYPE) => {
  const bytes = Buffer.from(text);
  return formParts(bytes, type).map(({ name, fileName, value }) => ({
    name,
    file: fileName !== undefined,
    text: bytes.toString('utf8', value.start, value.end),
  }));
};

const transcription = RELAY_ENDPOINTS.find(({ path }) => path === '/audio/transcriptions');
if (transcription === undefined) throw new Error('no transcriptions');

describe('the parts of a form', () => {
  it.each([
    ['as clients send them', field('model', 'm') + file('file', 'bytes') + END, TYPE],
    [
      'with a preamble, an epilogue and padding',
      `hi\r\n${(field('model', 'm') + file('file', 'bytes')).replaceAll('--b1\r', '--b1 \r')}${END}more`,
      TYPE,
    ],
    [
      'with a quoted boundary',
      (field('model', 'm') + file('file', 'bytes') + END).replaceAll('--b1', '--b 1'),
      'Multipart/Form-Data; charset=utf-8; boundary="b 1"',
    ],
  ])('are found %s', (_name, text, type) => {
    expect(isForm(type)).toBe(true);
    expect(read(text, type)).toEqual([
      { name: 'model', file: false, text: 'm' },
      { name: 'file', file: true, text: 'bytes' },
    ]);
  });

  it.each([
    ['no boundary in the type', field('model', 'm') + END, 'multipart/form-data'],
    ['another boundary', field('model', 'm') + END, 'multipart/form-data; boundary=x'],
    ['no end', field('model', 'm'), TYPE],
    ['nothing at all', '', TYPE],
    ['a part without a name', `--b1\r\nX: y\r\n\r\nm\r\n${END}`, TYPE],
    ['a part without a head', `--b1\r\nm\r\n${END}`, TYPE],
    ['text behind a boundary', `${field('model', 'm').replace('--b1', '--b1x')}${END}`, TYPE],
    ['too many parts', field('a', 'b').repeat(300) + END, TYPE],
  ])('are refused: %s', (_name, text, type) => {
    expect(() => read(text, type)).toThrow(/The form cannot be read/);
  });
});

describe('GW-17 the model of a form', () => {
  const text = `${file('file', 'R\0IFF\r\n--b')}${field('language', 'zh')}${field('model', '模型')}${END}`;
  const bytes = Buffer.from(text);

  it('is read with the other text fields', () => {
    const body = relayBody(transcription, bytes, TYPE);
    expect(body.json).toEqual({ language: 'zh', model: '模型' });
    expect(bytesForUpstream(body, '模型')).toBe(bytes);
  });

  it('is the only thing that changes for an upstream with another name for it', () => {
    const body = relayBody(transcription, bytes, TYPE);
    expect(bytesForUpstream(body, 'whisper-1').toString()).toBe(text.replace('模型', 'whisper-1'));
  });

  it.each([
    ['is missing', file('file', 'x') + END, 'model'],
    ['is empty', file('file', 'x') + field('model', '') + END, 'model'],
    [
      'is given twice',
      file('file', 'x') + field('model', 'a') + field('model', 'b') + END,
      'model',
    ],
    ['comes without a file', field('model', 'a') + END, 'file'],
    ['comes with text for a file', field('model', 'a') + field('file', 'x') + END, 'file'],
  ])('%s: a 400 that names the field', (_name, form, param) => {
    expect(() => relayBody(transcription, Buffer.from(form), TYPE)).toThrow(
      expect.objectContaining({ status: 400, param }),
    );
  });
});

describe('GW-17 JSON bodies', () => {
  const endpoint = (path: string) => {
    const found = RELAY_ENDPOINTS.find((one) => one.path === path);
    if (found === undefined) throw new Error(path);
    return found;
  };
  const json = (path: string, body: object) =>
    relayBody(endpoint(path), Buffer.from(JSON.stringify(body)), 'application/json');

  it.each([
    ['/rerank', { model: 'm', query: 'q' }, 'documents'],
    ['/rerank', { model: 'm', query: 'q', documents: [] }, 'documents'],
    ['/rerank', { model: 'm', query: 'q', documents: ['a', 1] }, 'documents[1]'],
    ['/rerank', { model: 'm', query: 'q', documents: ['a'], top_n: 0 }, 'top_n'],
    ['/rerank', { query: 'q', documents: ['a'] }, 'model'],
    ['/moderations', { model: 'm' }, 'input'],
    ['/images/generations', { model: 'm', prompt: '' }, 'prompt'],
    ['/images/generations', { model: 'm', prompt: 'p', n: 0 }, 'n'],
    ['/images/edits', { model: 'm' }, 'prompt'],
    ['/audio/speech', { model: 'm', input: 'hi', speed: 9 }, 'speed'],
    ['/audio/speech', { model: 5, input: 'hi' }, 'model'],
  ])('%s %o is a 400 that names %s', (path, body, param) => {
    expect(() => json(path, body)).toThrow(expect.objectContaining({ status: 400, param }));
  });

  it('without a model get the one that OpenAI takes, the last of the fields', () => {
    const read = json('/moderations', { model: null, input: 'a' });
    expect(read.json['model']).toBe('omni-moderation-latest');
    expect(read.bytes.toString()).toBe(
      '{"model":null,"input":"a","model":"omni-moderation-latest"}',
    );
  });

  it('and forms are not taken for each other', () => {
    const refused = expect.objectContaining({ status: 415, code: 'unsupported_content_type' });
    expect(() => relayBody(endpoint('/rerank'), Buffer.from('x'), TYPE)).toThrow(refused);
    expect(() => json('/audio/translations', { model: 'm' })).toThrow(refused);
  });
});
