import { describe, expect, it } from 'vitest';
import { type CacheKeySource, cacheKey } from './cache-key.ts';
import { cacheRequestOf } from './cache-request.ts';
import { KeptEvents } from './kept-events.ts';
import { decodeAnswer, encodeAnswer } from './stored-answer.ts';

const keyOf = (json: object, given: Partial<CacheKeySource> = {}) =>
  cacheKey({
    projectId: 'p',
    endpoint: 'chat.completions',
    form: 'json',
    json: { model: 'm', ...json },
    ...given,
  });

describe('GW-9 the key of a request', () => {
  it.each([
    ['the order of fields', { a: 1, b: { c: 2, d: [3] } }, { b: { d: [3], c: 2 }, a: 1 }],
    [
      'who asks and how it is sent',
      { a: 1 },
      {
        a: 1,
        user: 'u',
        stream: true,
        stream_options: { include_usage: true },
        metadata: { b: 2 },
      },
    ],
    ['how a number is written', { a: 1 }, JSON.parse('{"a":1.0}')],
  ])('is the same whatever %s', (_name, one, other) => {
    expect(keyOf(one)).toBe(keyOf(other));
  });

  it.each([
    ['a value', { a: 1 }, { a: 2 }],
    ['the type of a value', { a: 1 }, { a: '1' }],
    ['null and nothing', { a: null }, {}],
    ['the order of a list', { a: [1, 2] }, { a: [2, 1] }],
    ['the shape of a list', { a: [1, [2]] }, { a: [[1], 2] }],
    ['a nested user', { a: { user: 1 } }, { a: { user: 2 } }],
    ['what looks like two fields', { a: '1","b":"2' }, { a: '1', b: '2' }],
  ])('differs by %s', (_name, one, other) => {
    expect(keyOf(one)).not.toBe(keyOf(other));
  });

  it('differs by project, endpoint and form of the answer', () => {
    const keys = [
      keyOf({}),
      keyOf({}, { projectId: 'q' }),
      keyOf({}, { endpoint: 'completions' }),
      keyOf({}, { form: 'events' }),
      keyOf({}, { form: 'events-with-usage' }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    for (const key of keys) expect(Buffer.byteLength(key ?? '')).toBeLessThanOrEqual(128);
  });

  it('does not exist where parsing has lost something, or would never end', () => {
    expect(keyOf(JSON.parse('{"seed":9007199254740993}'))).toBeUndefined();
    const depth = 20_000;
    const deep = JSON.parse(`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`);
    expect(keyOf(deep)).toBeUndefined();
  });
});

describe('GW-9 what a client asks of the cache', () => {
  it.each([
    [{}, undefined],
    [{ 'x-llamp-cache': 'ttl=60' }, { ttlSeconds: 60, mayReuse: true, mayStore: true }],
    [{ 'x-llamp-cache': 'TTL=60, no-cache' }, { ttlSeconds: 60, mayReuse: false, mayStore: true }],
    [{ 'x-llamp-cache': 'no-store' }, { ttlSeconds: undefined, mayReuse: true, mayStore: false }],
    [
      { 'x-llamp-cache': 'ttl=5', 'cache-control': 'no-store, max-age=0' },
      { ttlSeconds: 5, mayReuse: true, mayStore: false },
    ],
  ])('%o', (headers, expected) => {
    expect(cacheRequestOf(headers)).toEqual(expected);
  });

  it.each(['ttl=0', 'ttl=-1', 'ttl=1.5', 'ttl=99999999', 'ttl', 'on', 'ttl=5;x'])(
    'in other words (%s) is a 400 that names the header',
    (header) => {
      expect(() => cacheRequestOf({ 'x-llamp-cache': header })).toThrow(
        expect.objectContaining({ status: 400, param: 'x-llamp-cache' }),
      );
    },
  );
});

describe('a stored answer', () => {
  it('comes back as it was, line ends and all', () => {
    const answer = {
      storedMs: 5,
      contentType: 'application/json',
      body: Buffer.from('{\n}\r\n\0'),
    };
    expect(decodeAnswer(new Uint8Array(encodeAnswer(answer)))).toEqual(answer);
  });

  it.each(['', 'x', '\n', '{"version":2}\nx', '{"version":1}\nx', '[]\nx'])(
    'is nothing else (%j)',
    (text) => {
      expect(decodeAnswer(Buffer.from(text))).toBeUndefined();
    },
  );
});

describe('GW-9 kept events', () => {
  const kept = (maxBytes: number, ...chunks: string[]) => {
    const events = new KeptEvents(maxBytes);
    for (const chunk of chunks) events.add(Buffer.from(chunk));
    return events.whole()?.toString();
  };

  it.each([['data: {}\n\nda', 'ta: [DONE]\n\n'], ['data: {}\r\n\r\ndata:[DONE]\r\n\r\n']])(
    'are whole with their end',
    (...chunks) => {
      expect(kept(100, ...chunks)).toBe(chunks.join(''));
    },
  );

  it.each([
    ['without an end', 'data: {}\n\n'],
    ['with an error at the end', 'data: [DONE]\n\ndata: {"error":{}}\n\n'],
    ['with the end inside an answer', 'data: {"a":"data: [DONE]"}\n\n'],
    ['with nothing', ''],
  ])('are not whole %s', (_name, text) => {
    expect(kept(100, text)).toBeUndefined();
  });

  it('are let go beyond the limit', () => {
    expect(kept(20, 'data: {"a":1}\n\n', 'data: [DONE]\n\n')).toBeUndefined();
  });
});
