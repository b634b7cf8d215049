import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  expectEnvelope,
  type ProbeServer,
  startProbeServer,
} from '../../test/support/probe-server.ts';
import { silentLog } from '../lib/log.ts';
import { createMetrics } from '../lib/metrics.ts';
import { buildServer } from './server.ts';

let server: ProbeServer;
let app: FastifyInstance;
beforeAll(async () => {
  server = await startProbeServer();
  app = server.app;
});
afterAll(() => app.close());

const auth = { authorization: 'Bearer good' };

/** Sends bytes as they are and returns the whole answer as text. */
function exchange(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(server.port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

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
      log: silentLog,
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

describe('paths and methods', () => {
  test('an unknown path is 404 in the words of OpenAI', async () => {
    const answer = await app.inject({ method: 'POST', url: '/v1/x?y=1' });
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
    const line = server.lines.find(
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
    await app.inject({ method: 'DELETE', url: '/v1/things/1', headers: auth });
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
    const before = server.lines.length;
    await exchange(
      'GET /v1/things?limit=2&secret=x HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\nx-request-id: access-log-1\r\nconnection: close\r\n\r\n',
    );
    const lines = server.lines
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
