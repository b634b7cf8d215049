import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { Client } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  expectEnvelope,
  MEGABYTE,
  type ProbeServer,
  startProbeServer,
} from '../../test/support/probe-server.ts';

let server: ProbeServer;
let app: FastifyInstance;
beforeAll(async () => {
  server = await startProbeServer();
  app = server.app;
});
afterAll(() => app.close());

const auth = { authorization: 'Bearer good' };

const post = (url: string, payload: unknown, headers: Record<string, string> = {}) =>
  app.inject({
    method: 'POST',
    url,
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    headers: { ...auth, 'content-type': 'application/json', ...headers },
  });

describe('bodies', () => {
  test('11 MB is 413, over a real connection', async () => {
    const client = new Client(`http://127.0.0.1:${server.port}`);
    const answer = await client.request({
      method: 'POST',
      path: '/v1/things',
      headers: { ...auth, 'content-type': 'application/json' },
      body: Buffer.alloc(11 * MEGABYTE, ' '),
    });
    expect(answer.statusCode).toBe(413);
    expectEnvelope(await answer.body.json(), { code: 'request_too_large' });
    await client.close();
  });

  test.each([
    ['broken', '{"name":'],
    ['empty', ''],
    ['a lone surrogate escape cut off', '"\\ud8'],
    ['poisoned', '{"__proto__":{"x":1},"name":"a"}'],
  ])('JSON that is %s is 400', async (_title, payload) => {
    const answer = await post('/v1/things', payload);
    expect(answer.statusCode).toBe(400);
    expectEnvelope(answer.json(), { code: 'invalid_json', param: null });
  });

  test.each([
    ['an array', [1], 'invalid_type', null],
    ['a missing field', {}, 'missing_required_parameter', 'name'],
    ['an unknown field', { name: 'a', extra: 1 }, 'unknown_parameter', 'extra'],
    ['a number as text', { name: 'a', count: '3' }, 'invalid_type', 'count'],
    ['text as a number', { name: 3 }, 'invalid_type', 'name'],
    ['null', { name: null }, 'invalid_type', 'name'],
    ['out of range', { name: 'a', count: 9 }, 'invalid_value', 'count'],
    ['not in the list', { name: 'a', kind: 'c' }, 'invalid_value', 'kind'],
    [
      'a deep field',
      { name: 'a', messages: [{ content: 1 }] },
      'invalid_type',
      'messages[0].content',
    ],
    [
      'a deep missing one',
      { name: 'a', messages: [{}] },
      'missing_required_parameter',
      'messages[0].content',
    ],
    [
      'a deep unknown one',
      { name: 'a', messages: [{ content: 'x', y: 1 }] },
      'unknown_parameter',
      'messages[0].y',
    ],
  ])('%s is 400 and named', async (_title, payload, code, param) => {
    const answer = await post('/v1/things', payload);
    expect(answer.statusCode).toBe(400);
    expectEnvelope(answer.json(), { code, param, type: 'invalid_request_error' });
  });

  test('U+0000 is refused and named, an escaped backslash before it is not', async () => {
    const refused = await post('/v1/things', { name: 'a', messages: [{ content: 'x\0y' }] });
    expectEnvelope(refused.json(), { code: 'invalid_value', param: 'messages[0].content' });
    expect((await post('/v1/things', { name: '\\u0000' })).statusCode).toBe(200);
    const half = await post('/v1/things', '{"name":"a","messages":[{"content":"x\\ud800"}]}');
    expectEnvelope(half.json(), { code: 'invalid_value', param: 'messages[0].content' });
    expect((await post('/v1/things', '{"name":"\\ud83e\\udd99"}')).statusCode).toBe(200);
    const deep = `{"name":${'['.repeat(100_000)}"\\u0000"${']'.repeat(100_000)}}`;
    expect((await post('/v1/things', deep)).statusCode).toBe(400);
    const inUrl = await app.inject({ url: '/v1/things?limit=%00', headers: auth });
    expectEnvelope(inUrl.json(), { code: 'invalid_value', param: 'limit' });
  });

  test('a body that is right arrives unchanged', async () => {
    const body = { name: '中文 🦙', count: 3, messages: [{ content: 'x' }] };
    const answer = await post('/v1/things', body);
    expect(answer.json()).toEqual(body);
  });

  test.each(['text/plain', 'application/xml', 'nonsense', 'application/x-www-form-urlencoded'])(
    'content type %s is 415',
    async (type) => {
      const answer = await post('/v1/things', '{"name":"a"}', { 'content-type': type });
      expect(answer.statusCode).toBe(415);
      expectEnvelope(answer.json(), { code: 'unsupported_content_type' });
    },
  );

  test('DELETE with a content type and no body is fine', async () => {
    const answer = await app.inject({
      method: 'DELETE',
      url: '/v1/things/1',
      headers: { ...auth, 'content-type': 'application/json' },
    });
    expect(answer.statusCode).toBe(200);
  });

  test('the gateway gets bytes', async () => {
    const answer = await post('/v1/raw', '{ "a" :1 }');
    expect(answer.json()).toEqual({ isBuffer: true, text: '{ "a" :1 }' });
  });

  test('the gateway has the same limit', async () => {
    expect((await post('/v1/raw', 'x'.repeat(11 * MEGABYTE))).statusCode).toBe(413);
  });

  test.each([
    [15, 200],
    [21, 413],
  ])('a file of %i MB is answered %i', async (megabytes, status) => {
    const head = '--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n';
    const answer = await app.inject({
      method: 'POST',
      url: '/v1/upload',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      payload: Readable.from([head, Buffer.alloc(megabytes * MEGABYTE), '\r\n--b--\r\n']),
    });
    expect(answer.statusCode).toBe(status);
    if (status === 413) expectEnvelope(answer.json(), { code: 'request_too_large' });
  });
});

describe('query strings', () => {
  const query = async (text: string) => {
    const answer = await app.inject({ url: `/v1/things?${text}`, headers: auth });
    return answer.json();
  };
  test('are converted and filled in', async () => {
    expect(await query('')).toEqual({ limit: 20 });
    expect(await query('limit=3')).toEqual({ limit: 3 });
  });
  test.each(['include[]=a', 'include%5B%5D=a', 'include=a'])('%s is an array', async (text) => {
    expect(await query(text)).toEqual({ limit: 20, include: ['a'] });
  });
  test('both ways to repeat a name', async () => {
    expect((await query('include[]=a&include[]=b')).include).toEqual(['a', 'b']);
    expect((await query('include=a&include=b')).include).toEqual(['a', 'b']);
  });
  test('a wrong value is 400', async () => {
    for (const text of ['many', '1.5', '1e1', 'true', '0x1', '%201'])
      expectEnvelope(await query(`limit=${text}`), { code: 'invalid_type', param: 'limit' });
    expectEnvelope(await query('limit=0'), { code: 'invalid_value', param: 'limit' });
    expectEnvelope(await query('limit=1&limit=2'), { code: 'invalid_type', param: 'limit' });
  });
});
