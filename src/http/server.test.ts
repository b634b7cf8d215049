import { connect } from 'node:net';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Type } from 'typebox';
import { Client } from 'undici';
import type { Principal, Scope } from '../domains/identity/index.ts';
import { AppError } from '../lib/app-error.ts';
import { createMetrics } from '../lib/metrics.ts';
import { type HttpServer, buildServer } from './server.ts';
import { recordingLog } from '../../test/support/recording-log.ts';

const MEGABYTE = 1024 ** 2;
const keys: Record<string, Scope[]> = { good: ['inference', 'management'], metrics: ['metrics'] };
const recorded = recordingLog();
const auth = { authorization: 'Bearer good' };

function principalFor(key: string): Principal | null {
  const scopes = keys[key];
  if (scopes === undefined) return null;
  return { kind: 'api_key', organizationId: 'o', projectId: 'p', apiKeyId: `key_${key}`, scopes };
}

const probe: FastifyPluginAsync = async (app) => {
  const config = { access: { scope: 'management' as const } };
  const Item = Type.Object(
    { content: Type.String({ minLength: 1 }) },
    { additionalProperties: false },
  );
  const Body = Type.Object(
    {
      name: Type.String(),
      count: Type.Optional(Type.Integer({ minimum: 1, maximum: 5 })),
      kind: Type.Optional(Type.Enum(['a', 'b'])),
      messages: Type.Optional(Type.Array(Item)),
    },
    { additionalProperties: false },
  );
  const Query = Type.Object({
    limit: Type.Integer({ minimum: 1, default: 20 }),
    include: Type.Optional(Type.Array(Type.String())),
  });
  app.post('/things', { config, schema: { body: Body } }, async (request) => request.body);
  app.get('/things', { config, schema: { querystring: Query } }, async (request) => request.query);
  app.delete('/things/:id', { config }, async (request) => ({ body: request.body ?? null }));
  app.get('/public', { config: { access: 'public' } }, async () => ({ ok: true }));
  app.get('/defect', { config: { access: 'public' } }, async () => {
    throw new Error('a secret detail');
  });
  app.get('/busy', { config: { access: 'public' } }, async () => {
    throw new AppError({
      code: 'rate_limit_exceeded',
      status: 429,
      message: 'Slow down.',
      retryable: true,
      retryAfterMs: 2_500,
    });
  });
  app.get('/quota', { config: { access: 'public' } }, async () => {
    throw new AppError({ code: 'insufficient_quota', status: 429, message: 'Nothing left.' });
  });
  app.post('/upload', { config: { access: 'public' } }, async (request) => {
    let sizeBytes = 0;
    for await (const part of request.parts()) {
      if (part.type === 'file') for await (const chunk of part.file) sizeBytes += chunk.length;
    }
    return { sizeBytes };
  });
};

const raw: FastifyPluginAsync = async (app) => {
  app.post('/raw', { config: { access: { scope: 'inference' } } }, async (request) => ({
    isBuffer: Buffer.isBuffer(request.body),
    text: String(request.body),
  }));
};

let server: HttpServer;
let app: FastifyInstance;
let port: number;

beforeAll(async () => {
  server = await buildServer({
    version: '1.2.3',
    log: recorded.log,
    metrics: createMetrics(),
    authenticate: principalFor,
    health: { results: async () => [] },
    isDraining: () => false,
    completeSetup: async ({ token }) => {
      if (token === 'right') return { apiKey: 'sk-llamp-<new>' };
      throw new AppError({
        code: 'invalid_one_time_link',
        status: 400,
        message: 'No such <link>.',
      });
    },
    domains: [
      { plugin: probe, prefixes: ['/v1', '/api/v1/llm'] },
      { plugin: raw, prefixes: ['/v1'], rawJsonBodies: true },
    ],
    config: {
      trustedProxies: [],
      publicUrl: undefined,
      bodyMaxBytes: 10 * MEGABYTE,
      fileMaxBytes: 20 * MEGABYTE,
    },
  });
  app = server.app;
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
});
afterAll(() => app.close());

/** Sends bytes as they are and returns the whole answer as text. */
function exchange(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

function expectEnvelope(body: unknown, expected: Record<string, unknown>): void {
  expect(Object.keys(body as object)).toEqual(['error']);
  const { error } = body as { error: Record<string, unknown> };
  expect(Object.keys(error)).toEqual(['message', 'type', 'param', 'code']);
  expect(error['message']).toBeTruthy();
  expect(error).toMatchObject(expected);
}

const post = (url: string, payload: unknown, headers: Record<string, string> = {}) =>
  app.inject({
    method: 'POST',
    url,
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    headers: { ...auth, 'content-type': 'application/json', ...headers },
  });

describe('keys and scopes', () => {
  test.each([
    ['no key', {}],
    ['a wrong key', { authorization: 'Bearer wrong' }],
    ['another scheme', { authorization: 'Basic Z29vZDo=' }],
    ['an empty key', { 'x-api-key': '' }],
  ])('%s is 401', async (_title, headers) => {
    const answer = await app.inject({
      url: '/v1/things',
      headers: headers as Record<string, string>,
    });
    expect(answer.statusCode).toBe(401);
    const expected = { type: 'invalid_request_error', param: null, code: 'invalid_api_key' };
    expectEnvelope(answer.json(), expected);
    expect(answer.headers['access-control-allow-origin']).toBe('*');
  });

  test.each(['authorization', 'x-api-key', 'api-key'])('%s carries a key', async (name) => {
    const value = name === 'authorization' ? 'Bearer good' : 'good';
    const answer = await app.inject({ url: '/v1/things', headers: { [name]: value } });
    expect(answer.statusCode).toBe(200);
  });

  test('a key without the scope is 403', async () => {
    const answer = await app.inject({
      url: '/v1/things',
      headers: { authorization: 'Bearer metrics' },
    });
    expect(answer.statusCode).toBe(403);
    expectEnvelope(answer.json(), { code: 'insufficient_permissions' });
  });

  test('an unknown key is not repeated in the message', async () => {
    const key = 'sk-llamp-0123456789abcdefghij';
    const answer = await app.inject({ url: '/v1/things', headers: { 'x-api-key': key } });
    expect(answer.body).not.toContain(key);
  });

  test('a route that names no access rule fails to register', async () => {
    const build = buildServer({
      version: '1',
      log: recorded.log,
      metrics: createMetrics(),
      authenticate: () => null,
      health: { results: async () => [] },
      isDraining: () => false,
      completeSetup: async () => ({ apiKey: '' }),
      domains: [{ plugin: async (scope) => void scope.get('/x', async () => 1), prefixes: ['/'] }],
      config: { trustedProxies: [], publicUrl: undefined, bodyMaxBytes: 1024, fileMaxBytes: 1024 },
    });
    await expect(build).rejects.toThrow(/does not say who may call it/);
  });
});

describe('bodies', () => {
  test('11 MB is 413, over a real connection', async () => {
    const client = new Client(`http://127.0.0.1:${port}`);
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
    const deep = `{"name":${'['.repeat(100_000)}"\\u0000"${']'.repeat(100_000)}}`;
    expect((await post('/v1/things', deep)).statusCode).toBe(400);
    expect((await app.inject({ url: '/v1/things?limit=%00', headers: auth })).statusCode).toBe(400);
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
    expectEnvelope(await query('limit=many'), { code: 'invalid_type', param: 'limit' });
    expectEnvelope(await query('limit=0'), { code: 'invalid_value', param: 'limit' });
    expectEnvelope(await query('limit=1&limit=2'), { code: 'invalid_type', param: 'limit' });
  });
});

describe('paths and methods', () => {
  test('an unknown path is 404 in the words of OpenAI', async () => {
    const answer = await post('/v1/x?y=1', {});
    expect(answer.statusCode).toBe(404);
    expectEnvelope(answer.json(), { code: 'unknown_url', message: 'Invalid URL (POST /v1/x)' });
  });
  test.each([
    ['PUT', '/v1/things', 'GET, HEAD, POST, OPTIONS'],
    ['GET', '/v1/things/5', 'DELETE, OPTIONS'],
    ['PATCH', '/v1/things/', 'GET, HEAD, POST, OPTIONS'],
  ] as const)('%s %s is 405', async (method, url, allow) => {
    const answer = await app.inject({ method, url });
    expect(answer.statusCode).toBe(405);
    expect(answer.headers['allow']).toBe(allow);
    expectEnvelope(answer.json(), { code: 'method_not_allowed' });
  });
  test.each(['/v1/public', '/v1/public/', '//v1//public', '/api/v1/llm/public'])(
    '%s is found',
    async (url) => {
      expect((await app.inject({ url })).statusCode).toBe(200);
    },
  );
  test('HEAD has headers and no body', async () => {
    const answer = await app.inject({ method: 'HEAD', url: '/v1/public' });
    expect([answer.statusCode, answer.body]).toEqual([200, '']);
  });
  test('a preflight allows what the clients send', async () => {
    const answer = await app.inject({
      method: 'OPTIONS',
      url: '/v1/things',
      headers: {
        origin: 'https://app.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization, x-stainless-os, x-evil',
      },
    });
    expect(answer.statusCode).toBe(204);
    const allowed = String(answer.headers['access-control-allow-headers']);
    expect(allowed).toContain('authorization');
    expect(allowed).toContain('x-stainless-os');
    expect(allowed).not.toContain('x-evil');
    expect(answer.headers['access-control-allow-methods']).toContain('POST');
    expect(answer.headers['access-control-expose-headers']).toContain('x-request-id');
  });
  test.each(['/v1/%zz', '/v1/%ff'])('the malformed path %s is 400 with an id', async (url) => {
    const answer = await app.inject({ url });
    expect(answer.statusCode).toBe(400);
    expect(answer.headers['x-request-id']).toMatch(/^req_/);
    expectEnvelope(answer.json(), { code: 'invalid_request' });
  });
  test('a path parameter of 2 000 characters is 4xx', async () => {
    const answer = await app.inject({
      method: 'DELETE',
      url: `/v1/things/${'a'.repeat(2000)}`,
      headers: auth,
    });
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
    expect(answer.statusCode).toBeLessThan(500);
    expect(answer.headers['x-request-id']).toMatch(/^req_/);
  });
});

describe('the request id', () => {
  test.each(['/v1/public', '/v1/things', '/nowhere', '/v1/defect'])('is on %s', async (url) => {
    const answer = await app.inject({ url });
    expect(answer.headers['x-request-id']).toMatch(/^req_[0-9a-f]{32}$/);
  });
  test('of the client is kept when it is harmless', async () => {
    const id = 'abc-DEF_123.4';
    const answer = await app.inject({ url: '/v1/public', headers: { 'x-request-id': id } });
    expect(answer.headers['x-request-id']).toBe(id);
  });
  test.each(['short', 'a'.repeat(129), 'has space', 'semi;colon'])('%s is replaced', async (id) => {
    const answer = await app.inject({ url: '/v1/public', headers: { 'x-request-id': id } });
    expect(answer.headers['x-request-id']).toMatch(/^req_/);
  });
});

describe('errors', () => {
  test('a defect shows nothing of itself and is logged with its stack under the id', async () => {
    const answer = await app.inject({ url: '/v1/defect' });
    expect(answer.statusCode).toBe(500);
    expectEnvelope(answer.json(), { code: 'internal_error', type: 'server_error' });
    expect(answer.body).not.toContain('secret detail');
    const line = recorded.lines.find(
      (each) =>
        each.fields['http.request.id'] === answer.headers['x-request-id'] && each.level === 'error',
    );
    expect((line?.fields['error'] as Error).message).toBe('a secret detail');
  });
  test('429 says when to try again', async () => {
    const answer = await app.inject({ url: '/v1/busy' });
    expect(answer.headers).toMatchObject({ 'retry-after': '3', 'retry-after-ms': '2500' });
    expect(answer.headers['x-should-retry']).toBeUndefined();
    expectEnvelope(answer.json(), { type: 'rate_limit_error' });
  });
  test('a permanent 429 tells the clients not to repeat it', async () => {
    expect((await app.inject({ url: '/v1/quota' })).headers['x-should-retry']).toBe('false');
  });
});

describe('connections', () => {
  test.each([
    ['garbage', 'HELLO\r\n\r\n', 400],
    [
      'a header flood',
      `GET / HTTP/1.1\r\nhost: x\r\n${`x-flood: ${'a'.repeat(1000)}\r\n`.repeat(30)}\r\n`,
      431,
    ],
    [
      'two lengths',
      'POST /v1/things HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'a broken chunk',
      'POST /v1/upload HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
      400,
    ],
    ['an unknown expectation', 'GET /v1/public HTTP/1.1\r\nhost: x\r\nexpect: 200-ok\r\n\r\n', 417],
  ])('%s is answered with envelope and id', async (_title, text, status) => {
    const answer = await exchange(text);
    expect(answer.split('\r\n', 1)[0]).toContain(`HTTP/1.1 ${status} `);
    expect(answer).toMatch(/\r\nx-request-id: req_[0-9a-f]{32}\r\n/);
    const body = answer.slice(answer.indexOf('\r\n\r\n') + 4);
    expectEnvelope(JSON.parse(body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1)), {});
  });
});

describe('operations', () => {
  test('live, ready and health', async () => {
    for (const url of ['/health/live', '/health/ready', '/health']) {
      const answer = await app.inject({ url });
      expect([url, answer.statusCode, answer.json().status]).toEqual([url, 200, 'ok']);
    }
  });
  test('metrics ask for their scope and count by route', async () => {
    expect((await app.inject({ url: '/metrics', headers: auth })).statusCode).toBe(403);
    const answer = await app.inject({ url: '/metrics', headers: { 'x-api-key': 'metrics' } });
    expect(answer.headers['content-type']).toContain('text/plain');
    expect(answer.body).toContain('route="/v1/things/:id",status="200"');
    expect(answer.body).toContain('route="unmatched",status="404"');
    expect(answer.body).toContain('llamp_http_requests_in_flight 1');
  });
  test('the OpenAPI document names routes, scopes and bodies', async () => {
    const document = (await app.inject({ url: '/openapi.json' })).json();
    expect(document.openapi).toBe('3.1.0');
    const operation = document.paths['/v1/things'].post;
    expect(operation.security).toEqual([{ apiKey: ['management'] }]);
    const schema = operation.requestBody.content['application/json'].schema;
    expect(schema.required).toEqual(['name']);
    expect(document.paths['/v1/public'].get.security).toEqual([]);
  });
  test('the access log has one line with ECS names and no query', async () => {
    const before = recorded.lines.length;
    await exchange(
      'GET /v1/things?limit=2&secret=x HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\nx-request-id: access-log-1\r\nconnection: close\r\n\r\n',
    );
    const lines = recorded.lines
      .slice(before)
      .filter((line) => line.fields['event.dataset'] === 'llamp.access');
    expect(lines).toHaveLength(1);
    expect(lines[0]?.fields).toMatchObject({
      'http.request.id': 'access-log-1',
      'http.request.method': 'GET',
      'url.path': '/v1/things',
      'llamp.route': '/v1/things',
      'http.response.status_code': 200,
      'event.outcome': 'success',
      'llamp.key_id': 'key_good',
    });
    expect(lines[0]?.fields['event.duration']).toBeGreaterThan(0);
    expect(lines[0]?.fields['http.response.bytes']).toBeGreaterThan(100);
    expect(JSON.stringify(lines)).not.toContain('secret');
  });
});

describe('pages', () => {
  test.each([
    ['en-US,en', '', 'First call'],
    ['zh-CN,zh;q=0.9,en', '', '第一次调用'],
    ['en', '?lang=zh', '第一次调用'],
    ['fr', '', 'First call'],
  ])('the start page in %s%s', async (language, query, text) => {
    const answer = await app.inject({ url: `/${query}`, headers: { 'accept-language': language } });
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(answer.body).toContain(text);
    expect(answer.body).toContain('Llamp 1.2.3');
    expect(answer.body).not.toMatch(/<script|https?:\/\/[^l]/);
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
  });
  const submit = (payload: string) =>
    app.inject({
      method: 'POST',
      url: '/setup',
      payload,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
  test('the form shows the token of the link, escaped', async () => {
    const answer = await app.inject({ url: '/setup?token=%22%3E%3Cb%3E' });
    expect(answer.body).toContain('value="&quot;&gt;&lt;b&gt;"');
  });
  test('a link that is right shows the key once', async () => {
    const answer = await submit('token=right&email=a%40b.c&name=A&password=correct+horse');
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toContain('sk-llamp-&lt;new&gt;');
  });
  test('a link that is wrong shows why and keeps the fields, except the password', async () => {
    const answer = await submit('token=old&email=a%40b.c&name=A&password=correct+horse');
    expect(answer.statusCode).toBe(400);
    expect(answer.body).toContain('No such &lt;link&gt;.');
    expect(answer.body).toContain('value="a@b.c"');
    expect(answer.body).not.toContain('correct horse');
  });
});
