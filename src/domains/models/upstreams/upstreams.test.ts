import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OutboundGuard } from '../../../lib/outbound-guard/index.ts';
import { systemClock } from '../../../adapters/clock/system.ts';
import { signedHeaders } from './aws-signature.ts';
import { detectServers } from './detect-servers.ts';
import { listTarget } from './list-target.ts';
import { testProvider } from './test-provider.ts';

interface Answer {
  status: number;
  body: string;
}

let server: Server;
let port: number;
let answer: Answer;
let received: { url: string | undefined; headers: IncomingHttpHeaders }[];

beforeEach(async () => {
  received = [];
  answer = { status: 200, body: '{"data":[{"id":"a"},{"id":"b"},{"id":7},null]}' };
  server = createServer((request, response) => {
    received.push({ url: request.url, headers: request.headers });
    response.writeHead(answer.status).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(() => new Promise<void>((resolve) => void server.close(() => resolve())));

const origin = () => `http://127.0.0.1:${port}`;
const ask = (kind: Parameters<typeof testProvider>[0], fields: object = {}, timeoutMs = 5_000) =>
  testProvider(
    kind,
    { baseUrl: `${origin()}/v1`, apiKey: 'sk-1', ...fields },
    { clock: systemClock, timeoutMs, guard: new OutboundGuard({ allow: [] }) },
  );

describe('the test of a provider', () => {
  it('ID-6 asks no inner place for a user', async () => {
    expect(await ask('openai-compatible', { isUserSet: true })).toMatchObject({
      outcome: 'unreachable',
      status: null,
      message: `127.0.0.1:${port} is not allowed for upstreams.`,
    });
    expect(received).toEqual([]);
  });

  it('GW-11 really asks the upstream, with its credential', async () => {
    expect(await ask('openai-compatible')).toMatchObject({
      outcome: 'ok',
      status: 200,
      models: ['a', 'b'],
    });
    expect(received[0]).toMatchObject({
      url: '/v1/models',
      headers: { authorization: 'Bearer sk-1' },
    });
  });

  it.each([
    ['anthropic', {}, '/v1/models', 'x-api-key', 'sk-1'],
    ['google', {}, '/v1/models', 'x-goog-api-key', 'sk-1'],
    ['azure', {}, '/v1/openai/v1/models', 'api-key', 'sk-1'],
    [
      'azure',
      { apiVersion: '2024-10-21' },
      '/v1/openai/models?api-version=2024-10-21',
      'api-key',
      'sk-1',
    ],
    ['bedrock', { aws: { region: 'eu' } }, '/foundation-models', 'authorization', 'Bearer sk-1'],
  ] as const)('speaks to %s in its dialect', async (kind, fields, url, header, value) => {
    await ask(kind, fields);
    expect(received[0]?.url).toBe(url);
    expect(received[0]?.headers[header]).toBe(value);
  });

  it.each([
    ['google', '{"models":[{"name":"models/gemini-3"}]}', 'gemini-3'],
    ['bedrock', '{"modelSummaries":[{"modelId":"anthropic.claude"}]}', 'anthropic.claude'],
  ] as const)('reads the list of %s', async (kind, body, name) => {
    answer = { status: 200, body };
    expect((await ask(kind)).models).toEqual([name]);
  });

  it.each([
    [401, '{"error":"your key sk-1 is wrong"}', 'credential_refused'],
    [403, '', 'credential_refused'],
    [404, '', 'no_list'],
    [200, '<html>', 'no_list'],
    [200, '{"hello":1}', 'no_list'],
    [500, 'sk-1', 'failed'],
  ])('tells status %i with %s as %s, and never what was sent', async (status, body, outcome) => {
    answer = { status, body };
    const result = await ask('openai-compatible');
    expect(result).toMatchObject({ outcome, status, models: [] });
    expect(result.message).not.toContain('sk-1');
  });

  it('tells an upstream that is away, and one that hangs', async () => {
    const silent = createTcpServer((socket) => void socket.resume());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port: silentPort } = silent.address() as AddressInfo;
    const baseUrl = `http://127.0.0.1:${silentPort}/v1`;
    expect(await ask('openai-compatible', { baseUrl }, 100)).toMatchObject({
      outcome: 'timeout',
      status: null,
    });
    await new Promise<void>((resolve) => void silent.close(() => resolve()));
    expect(await ask('openai-compatible', { baseUrl })).toMatchObject({
      outcome: 'unreachable',
      message: 'The upstream cannot be reached (ECONNREFUSED).',
    });
  });
});

describe('requests to Bedrock', () => {
  it('go to the host that lists models', () => {
    const baseUrl = 'https://bedrock-runtime.eu-west-1.amazonaws.com';
    const aws = { region: 'eu-west-1', accessKeyId: 'AKIA', secretAccessKey: 's' };
    const target = listTarget('bedrock', { baseUrl, aws }, new Date(0));
    expect(target.url.href).toBe('https://bedrock.eu-west-1.amazonaws.com/foundation-models');
    expect(target.headers['authorization']).toContain('/19700101/eu-west-1/bedrock/aws4_request');
  });

  // "get-vanilla" of the test suite that AWS publishes.
  it('are signed as AWS wants it', () => {
    const headers = signedHeaders(
      {
        url: new URL('https://example.amazonaws.com/'),
        service: 'service',
        region: 'us-east-1',
        now: new Date('2015-08-30T12:36:00Z'),
      },
      {
        accessKeyId: 'AKIDEXAMPLE',
        secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
      },
    );
    expect(headers['authorization']).toBe(
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ' +
        'SignedHeaders=host;x-amz-date, ' +
        'Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    );
  });
});

describe('servers on this machine', () => {
  const detect = (ownPort = 0, timeoutMs = 500) =>
    detectServers({
      servers: [
        { name: 'ollama', title: 'Ollama', port },
        { name: 'nobody', title: 'Nobody', port: 1 },
      ],
      ownPort,
      timeoutMs,
    });

  it('GW-15 are offered when they list models', async () => {
    expect(await detect()).toEqual([
      {
        name: 'ollama',
        title: 'Ollama',
        port,
        baseUrl: `http://127.0.0.1:${port}/v1`,
        models: ['a', 'b'],
      },
    ]);
  });

  it('are not what answers otherwise, nor we ourselves', async () => {
    expect(await detect(port)).toEqual([]);
    expect(received).toEqual([]);
    for (const other of [
      { status: 401, body: '{}' },
      { status: 200, body: '<html>' },
    ]) {
      answer = other;
      expect(await detect()).toEqual([]);
    }
  });
});
