import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { Agent, request } from 'undici';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { describeWithLegs } from '../support/legs.ts';
import {
  announce,
  childrenOf,
  createCertificate,
  handshake,
  post,
  textOf,
} from '../support/servers/nginx-probes.ts';
import { renderNginxConfiguration } from '../support/servers/nginx.ts';
import {
  createNginxStage,
  type InstanceAnswer,
  type NginxStage,
} from '../support/servers/nginx-stage.ts';

const run = promisify(execFile);
const SLOW_START_MS = 20_000;

describeWithLegs('Nginx configuration of the deployment (OP-3)', ['nginx'], ({ nginx: path }) => {
  let stage: NginxStage;
  let directory: string;

  beforeAll(async () => {
    stage = await createNginxStage(path);
    directory = stage.directory;
    await createCertificate(directory);
  });
  afterEach(() => stage.clear());
  afterAll(() => stage.remove());
  const instance: NginxStage['instance'] = (answer) => stage.instance(answer);
  const nginx: NginxStage['nginx'] = (instances, options) => stage.nginx(instances, options);

  test.each([
    ['plain', undefined],
    ['TLS', true],
  ])('nginx -t accepts the rendered file: %s', async (_name, tls) => {
    const folder = await mkdtemp(join(directory, 'check-'));
    const file = await renderNginxConfiguration(
      {
        path,
        directory: folder,
        instances: ['127.0.0.1:9001', '127.0.0.1:9002'],
        trustedProxies: ['10.0.0.0/8', '192.0.2.1'],
        ...(tls ? { certsDirectory: directory } : {}),
      },
      { plainPort: 18_080, tlsPort: 18_443, statusPort: 18_081 },
    );
    const { stderr } = await run(path, ['-t', '-c', file, '-e', join(folder, 'error.log')]);
    expect(stderr).toContain('test is successful');
    expect(stderr).not.toContain('[warn]');
    expect(await readFile(file, 'utf8')).not.toMatch(/^[^#]*\$\{/m);
  });

  test('requests are shared among the instances', async () => {
    const instances = [await instance(), await instance()];
    const { url } = await nginx(instances);
    for (let i = 0; i < 20; i += 1) expect(await textOf(`${url}/`)).toBe('ok');
    expect(instances.map(({ seen }) => seen.length).toSorted()).toEqual([10, 10]);
  });

  test('a dead instance costs no request, POST included', async () => {
    const [alive, dead] = [await instance(), await instance()];
    dead.server.close();
    await once(dead.server, 'close');
    const { url } = await nginx([alive, dead]);
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => (await post(`${url}/v1/chat/completions`)).statusCode),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  test('a POST that an instance took and dropped is never sent again', async () => {
    const drop: InstanceAnswer = (req) => req.socket.destroy();
    const instances = [await instance(drop), await instance(drop)];
    const { url } = await nginx(instances);
    const { statusCode, body, headers } = await post(`${url}/v1/chat/completions`);
    expect(statusCode).toBe(503);
    expect(headers['retry-after']).toBe('2');
    expect(await body.json()).toMatchObject({ error: { code: 'service_unavailable' } });
    expect(instances.reduce((sum, { seen }) => sum + seen.length, 0)).toBe(1);
  });

  test('a stream passes chunk by chunk', async () => {
    let more = () => undefined as void;
    const streaming = await instance((_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: 1\n\n');
      more = () => void res.end('data: 2\n\n');
    });
    const { url } = await nginx([streaming]);
    const { body } = await request(`${url}/v1/chat/completions`);
    const iterator = body[Symbol.asyncIterator]();
    // The instance has not ended yet: a buffering proxy would deliver nothing here.
    expect(String((await iterator.next()).value)).toBe('data: 1\n\n');
    more();
    expect(String((await iterator.next()).value)).toBe('data: 2\n\n');
  });

  test('an upload reaches the instance before it is complete', async () => {
    const firstBytes = Promise.withResolvers<string>();
    const receiving = await instance((req, res) => {
      req.once('data', (chunk) => firstBytes.resolve(String(chunk)));
      req.once('end', () => res.end('stored'));
    });
    const { url } = await nginx([receiving]);
    async function* slowBody() {
      yield 'first';
      expect(await firstBytes.promise).toBe('first');
      yield 'last';
    }
    const { body } = await request(`${url}/v1/files`, {
      method: 'POST',
      body: Readable.from(slowBody()),
    });
    expect(await body.text()).toBe('stored');
  });

  test('a request id is kept when it is harmless and replaced when it is not', async () => {
    const one = await instance((req, res) => {
      res.setHeader('x-request-id', 'the-instance-own').end(req.headers['x-request-id']);
    });
    const { url } = await nginx([one]);
    const withId = async (id?: string) => {
      const { body, headers } = await request(url, { headers: id ? { 'x-request-id': id } : {} });
      return { seen: await body.text(), returned: headers['x-request-id'] };
    };
    expect(await withId('req_from-client')).toEqual({
      seen: 'req_from-client',
      returned: 'req_from-client',
    });
    for (const id of [undefined, 'short', 'with "quotes" in it']) {
      const { seen, returned } = await withId(id);
      expect(seen).toMatch(/^[0-9a-f]{32}$/);
      expect(returned).toBe(seen);
    }
  });

  test('X-Forwarded-For counts only from a trusted proxy', async () => {
    const echo: InstanceAnswer = (req, res) =>
      res.end(`${req.headers['x-forwarded-for']} ${req.headers['x-forwarded-proto']}`);
    const headers = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https' };
    const untrusting = await nginx([await instance(echo)]);
    expect(await textOf(untrusting.url, headers)).toBe('127.0.0.1 http');
    const trusting = await nginx([await instance(echo)], { trustedProxies: ['127.0.0.0/8'] });
    expect(await textOf(trusting.url, headers)).toBe('203.0.113.7 https');
  });

  test('too many requests of one address are answered 429 in the form of the API', async () => {
    const { url } = await nginx([await instance()], {
      settings: { REQUESTS_PER_SECOND: '1', REQUEST_BURST: '2' },
    });
    const answers = await Promise.all(Array.from({ length: 8 }, () => request(url)));
    const refused = answers.filter(({ statusCode }) => statusCode === 429);
    expect(answers.filter(({ statusCode }) => statusCode === 200)).toHaveLength(3);
    expect(refused).toHaveLength(5);
    expect(refused[0]?.headers).toMatchObject({
      'retry-after': '1',
      'x-content-type-options': 'nosniff',
    });
    expect(refused[0]?.headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/);
    const bodies = await Promise.all(answers.map(({ body }) => body.text()));
    expect(bodies.filter((text) => text.includes('rate_limit_exceeded'))).toHaveLength(5);
  });

  test('too many connections of one address are answered 429', async () => {
    const held: ServerResponse[] = [];
    const holding = await instance((req, res) =>
      req.url === '/hold' ? held.push(res) : res.end(),
    );
    const { url } = await nginx([holding], { settings: { CONNECTIONS_PER_ADDRESS: '2' } });
    const open = [request(`${url}/hold`), request(`${url}/hold`)];
    await vi.waitFor(() => expect(held).toHaveLength(2), { timeout: 5_000, interval: 10 });
    const { statusCode, body } = await request(url);
    await body.dump();
    expect(statusCode).toBe(429);
    for (const response of held) response.end();
    await Promise.all(open.map(async (answer) => (await answer).body.dump()));
  });

  test('a body above the limit is refused, a file may be larger', async () => {
    const { url } = await nginx([
      await instance((req, res) => req.resume().once('end', () => res.end('ok'))),
    ]);
    // Only the announced length is judged, so nothing of that size is sent.
    expect(await announce(`${url}/v1/chat/completions`, 65)).toContain('413');
    expect(await announce(`${url}/v1/chat/completions`, 65)).toContain('request_too_large');
    expect(await announce(`${url}/v1/files`, 513)).toContain('413');
    expect(await announce(`${url}/v1/files`, 65)).toContain('100 Continue');
  });

  test('metrics and counters are not for the public', async () => {
    const { url } = await nginx([await instance()]);
    for (const page of ['/metrics', '/nginx-status']) {
      const { statusCode, headers, body } = await request(`${url}${page}`);
      await body.dump();
      expect(page === '/metrics' ? statusCode : 404).toBe(404);
      expect(headers.server).toBe('nginx');
    }
  });

  test('the access log is one JSON object per request, joined by the request id, without the query', async () => {
    const one = await instance();
    const { url, accessLogPath } = await nginx([one]);
    await textOf(`${url}/v1/models?key=secret`, {
      'x-request-id': 'req_logged-0001',
      'user-agent': 'quote " and \\',
    });
    const line = await vi.waitFor(async () => {
      const text = await readFile(accessLogPath, 'utf8');
      expect(text).toMatch(/\n$/);
      return text;
    });
    expect(line).not.toContain('secret');
    expect(JSON.parse(line)).toMatchObject({
      'http.request.id': 'req_logged-0001',
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'url.path': '/v1/models',
      'client.ip': '127.0.0.1',
      'llamp.upstream.addr': one.address,
      'llamp.upstream.status': '200',
      'llamp.duration_s': expect.any(Number),
      'user_agent.original': 'quote " and \\',
    });
  });

  test('TLS: HTTP/2, HSTS, a plain request is sent over, old versions are refused', async () => {
    const running = await nginx([await instance()], { certsDirectory: directory });
    const dispatcher = new Agent({ allowH2: true, connect: { rejectUnauthorized: false } });
    stage.onClear(() => dispatcher.close());
    const secure = await request(running.url, { dispatcher });
    expect(await secure.body.text()).toBe('ok');
    expect(secure.headers['strict-transport-security']).toContain('max-age');

    const plain = await request(`${running.plainUrl}/v1/models?limit=1`);
    await plain.body.dump();
    expect(plain.statusCode).toBe(308);
    expect(plain.headers['strict-transport-security']).toBeUndefined();
    expect(plain.headers.location).toBe(`${running.url}/v1/models?limit=1`);

    const port = Number(new URL(running.url).port);
    expect(await handshake(port, 'TLSv1.3')).toEqual({ version: 'TLSv1.3', protocol: 'h2' });
    expect(await handshake(port, 'TLSv1.2')).toEqual({ version: 'TLSv1.2', protocol: 'h2' });
    await expect(handshake(port, 'TLSv1.1')).rejects.toThrow();
  });

  test('a reload cuts no stream', async () => {
    let finish = () => undefined as void;
    const streaming = await instance((req, res) => {
      if (req.url !== '/stream') return void res.end('ok');
      res.write('start ');
      finish = () => void res.end('end');
    });
    const running = await nginx([streaming]);
    const { body } = await request(`${running.url}/stream`);
    const received: string[] = [];
    body.on('data', (chunk: Buffer) => received.push(chunk.toString()));
    await vi.waitFor(() => expect(received).toEqual(['start ']), { timeout: 5_000 });
    const workers = await childrenOf(running.group.pid);
    running.reload();
    await vi.waitFor(
      async () =>
        expect((await childrenOf(running.group.pid)).some((pid) => !workers.includes(pid))).toBe(
          true,
        ),
      { timeout: SLOW_START_MS, interval: 20 },
    );
    expect(await textOf(running.url)).toBe('ok');
    finish();
    await once(body, 'end');
    expect(received.join('')).toBe('start end');
  });
});
