import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { OutboundGuard } from '../../../../lib/outbound-guard/index.ts';
import { jsonSchemaCheck, refusedKeyword } from './json-schema-check.ts';
import { WebhookAgents } from './webhook-agents.ts';
import { webhookCheck } from './webhook-check.ts';

const given = (texts: readonly string[], signal = new AbortController().signal) => ({
  stage: 'output' as const,
  requestId: 'req_1',
  model: 'm',
  texts,
  signal,
});

describe('GW-19 JSON schema', () => {
  const check = jsonSchemaCheck({
    type: 'object',
    properties: { city: { type: 'string' }, age: { type: 'integer', minimum: 0 } },
    required: ['city'],
    additionalProperties: false,
  });
  test.each([
    ['{"city":"北京","age":3}', undefined],
    ['```json\n{"city":"x"}\n```', undefined],
    ['{"city":1}', 'SCHEMA'],
    ['{"city":"x","more":1}', 'SCHEMA'],
    ['{"age":-1,"city":"x"}', 'SCHEMA'],
    ['Sure! {"city":"x"}', 'SCHEMA'],
  ])('%s', async (text, label) => {
    expect(await check.check(given([text]))).toBe(label);
  });

  test('what would run expressions or fetch is refused', () => {
    expect(refusedKeyword({ properties: { a: [{ pattern: '(a+)+$' }] } })).toBe('pattern');
    expect(refusedKeyword({ $ref: 'https://example.com/schema' })).toBe('$ref');
    expect(
      refusedKeyword({ type: 'object', properties: { a: { type: 'string' } } }),
    ).toBeUndefined();
  });
});

describe('GW-19 webhook', () => {
  const received: { body: string; signature: unknown }[] = [];
  let answer: { status: number; body: string; location?: string };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      received.push({ body, signature: request.headers['x-llamp-signature'] });
      const { status, location } = answer;
      response.writeHead(status, location === undefined ? {} : { location }).end(answer.body);
    });
  });
  let url: string;
  const allowed = new WebhookAgents(new OutboundGuard({ allow: ['127.0.0.1'] }));
  const strict = new WebhookAgents(new OutboundGuard({ allow: [] }));
  const hook = (more: object = {}, agents = allowed) =>
    webhookCheck(
      {
        name: 'hook',
        url,
        secret: () => 's'.repeat(16),
        timeoutMs: 2_000,
        onFailure: 'deny',
        ...more,
      },
      agents,
    );

  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/check`;
  });
  beforeEach(() => {
    received.length = 0;
    answer = { status: 200, body: '{"allow":true}' };
  });
  afterAll(async () => {
    await Promise.all([allowed.close(), strict.close()]);
    server.close();
  });

  test('gets the texts, signed, and decides', async () => {
    expect(await hook().check(given(['你好']))).toBeUndefined();
    const [{ body, signature } = { body: '', signature: '' }] = received;
    expect(JSON.parse(body)).toEqual({
      guardrail: 'hook',
      stage: 'output',
      request_id: 'req_1',
      model: 'm',
      texts: ['你好'],
    });
    const expected = createHmac('sha256', 's'.repeat(16)).update(body).digest('hex');
    expect(signature).toBe(`sha256=${expected}`);
    answer = { status: 200, body: '{"allow":false}' };
    expect(await hook().check(given(['x']))).toBe('WEBHOOK');
  });

  test.each([
    ['an error', { status: 500, body: '{}' }],
    ['no verdict', { status: 200, body: '{"allow":"yes"}' }],
    ['no JSON', { status: 200, body: 'ok' }],
    ['too much', { status: 200, body: `{"allow":true,"x":"${'x'.repeat(70_000)}"}` }],
    ['a redirect', { status: 302, body: '{"allow":true}', location: '/elsewhere' }],
  ])('%s refuses the call, or lets it pass when that is wanted', async (_name, wrong) => {
    answer = wrong;
    await expect(hook().check(given(['x']))).rejects.toMatchObject({
      code: 'guardrail_unavailable',
      status: 503,
    });
    expect(await hook({ onFailure: 'allow' }).check(given(['x']))).toBeUndefined();
    expect(received).toHaveLength(2);
  });

  test('an inner address is not reached', async () => {
    await expect(hook({}, strict).check(given(['x']))).rejects.toMatchObject({
      code: 'guardrail_unavailable',
    });
    expect(received).toEqual([]);
  });

  test('a client that has gone is told so', async () => {
    const gone = AbortSignal.abort(new Error('gone'));
    await expect(hook().check(given(['x'], gone))).rejects.toThrow('gone');
  });
});
