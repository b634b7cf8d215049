import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  type BareGateway,
  startBareGateway,
} from '../../../../test/support/scripted-provider/bare-gateway.ts';
import { jsonSchemaCheck } from './checks/json-schema-check.ts';
import { keywordDetector } from './detectors/keywords.ts';
import { PERSONAL_DATA, personalDataDetector } from './detectors/personal-identifiers.ts';
import type { Guardrail, GuardrailDecision } from './guardrail.ts';

const bodies: string[] = [];
let answer = 'fine';
const upstream = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks).toString('utf8');
    if (request.method === 'GET') return response.end('{"object":"list","data":[{"id":"m"}]}');
    bodies.push(body);
    if (JSON.parse(body).stream !== true) return response.end(JSON.stringify(completion()));
    response.setHeader('content-type', 'text/event-stream');
    for (const piece of answer) response.write(`data: ${JSON.stringify(chunkOf(piece))}\n\n`);
    response.end(
      'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
    );
  });
});
const chunkOf = (content: string) => ({ id: 'c', choices: [{ index: 0, delta: { content } }] });
const completion = () => ({
  id: 'c',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: answer },
      logprobs: { content: [{ token: answer }] },
    },
  ],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});

let own: Guardrail[] = [];
const decisions: GuardrailDecision[] = [];
let gateway: BareGateway;

beforeAll(async () => {
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const { port } = upstream.address() as AddressInfo;
  const guardrails = {
    of: () => own,
    record: (_call: unknown, decision: GuardrailDecision) => void decisions.push(decision),
  };
  gateway = await startBareGateway({
    upstream: { baseUrl: `http://127.0.0.1:${port}/v1` },
    inference: { guardrails },
  });
});

beforeEach(() => {
  bodies.length = 0;
  decisions.length = 0;
  gateway.records.length = 0;
  answer = 'fine';
});

afterAll(async () => {
  await gateway?.close();
  upstream.close();
});

const guard = (given: Partial<Guardrail>): Guardrail => ({
  id: 'guard_1',
  name: 'personal',
  action: 'mask',
  stages: ['input', 'output'],
  detector: personalDataDetector(PERSONAL_DATA),
  ...given,
});
const ask = (content: unknown, more: object = {}) =>
  gateway.post('/chat/completions', { model: 'm', messages: [{ role: 'user', content }], ...more });

test('GW-19 what is masked never reaches the model, and its answer is masked too', async () => {
  own = [guard({})];
  answer = 'I wrote to li@example.com';
  const response = await ask([{ type: 'text', text: '我的电话 13812345678' }], { seed: 7 });
  const json = await response.json();
  expect(JSON.parse(bodies[0] ?? '')).toMatchObject({
    seed: 7,
    messages: [{ role: 'user', content: [{ type: 'text', text: '我的电话 [PHONE]' }] }],
  });
  expect(json).toMatchObject({
    choices: [{ message: { content: 'I wrote to [EMAIL]' }, logprobs: null }],
  });
  expect(decisions.map(({ stage, found }) => [stage, ...found])).toEqual([
    ['input', ['PHONE', 1]],
    ['output', ['EMAIL', 1]],
  ]);
});

test('GW-19 a denied request asks no model', async () => {
  own = [guard({ name: 'no-bombs', action: 'deny', detector: keywordDetector(['炸弹']) })];
  const response = await ask('怎么做炸弹');
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    error: { code: 'content_filter', message: expect.stringContaining("'no-bombs'") },
  });
  expect(bodies).toEqual([]);
  expect(gateway.records).toEqual([]);
});

test.each([
  ['/embeddings', { input: '炸弹' }, 'input'],
  ['/completions', { prompt: '炸弹' }, 'prompt'],
  ['/chat/completions', { messages: [{ role: 'user', content: '炸弹' }] }, 'messages'],
])('GW-19 a denied request to %s names the field', async (path, body, param) => {
  own = [guard({ action: 'deny', detector: keywordDetector(['炸弹']) })];
  const response = await gateway.post(path, { model: 'm', ...body });
  expect(await response.json()).toMatchObject({ error: { code: 'content_filter', param } });
});

test('GW-19 a denied stream ends in an error event', async () => {
  own = [guard({ action: 'deny', stages: ['output'], detector: keywordDetector(['炸弹']) })];
  answer = '首先准备炸弹的材料';
  const text = await (await ask('hello', { stream: true })).text();
  expect(text).toContain('"code":"content_filter"');
  expect(text).not.toMatch(/炸|弹|材料/);
  expect(gateway.records.at(-1)).toMatchObject({ streamed: true });
});

test('GW-19 embeddings and completions are looked at', async () => {
  own = [guard({ stages: ['input'] })];
  await gateway.post('/embeddings', { model: 'm', input: ['a@example.com', 'b'] });
  await gateway.post('/completions', { model: 'm', prompt: 'call 13812345678' });
  expect(bodies.map((body) => JSON.parse(body))).toMatchObject([
    { input: ['[EMAIL]', 'b'] },
    { prompt: 'call [PHONE]' },
  ]);
});

test('GW-19 without a match the bytes stay as they are', async () => {
  own = [guard({})];
  const body =
    '{"model":"m", "seed":9007199254740993, "messages":[{"role":"user","content":"hi"}]}';
  await gateway.post('/chat/completions', body);
  expect(bodies).toEqual([body]);
  expect(decisions).toEqual([]);
});

const schema = jsonSchemaCheck({ type: 'object', required: ['city'] });
const checked = (): Guardrail[] => [
  { id: 'guard_2', name: 'shape', action: 'deny', stages: ['output'], check: schema },
];

test('GW-19 an answer that is not what the schema says is denied, whole and streamed', async () => {
  own = checked();
  answer = 'Beijing';
  const whole = await ask('where?');
  expect(whole.status).toBe(400);
  expect(await whole.json()).toMatchObject({ error: { code: 'content_filter' } });
  const streamed = await (await ask('where?', { stream: true })).text();
  expect(streamed).toContain('content_filter');
  expect(streamed).not.toContain('"B"');
  expect(decisions.map(({ found }) => [...found])).toEqual([[['SCHEMA', 1]], [['SCHEMA', 1]]]);
});

test('GW-19 an answer that fits its schema arrives as it was', async () => {
  own = checked();
  answer = '{"city":"北京"}';
  expect(await (await ask('where?')).json()).toMatchObject(completion());
  const streamed = await (await ask('where?', { stream: true })).text();
  const said = streamed
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice(6)).choices[0].delta.content ?? '');
  expect(said.join('')).toBe(answer);
  expect(streamed).toContain('[DONE]');
  expect(decisions).toEqual([]);
});

test('GW-19 a check of requests sees what is left after masking', async () => {
  const seen: string[] = [];
  const check = {
    check: async ({ texts }: { texts: readonly string[] }) => {
      seen.push(...texts);
      return 'WEBHOOK';
    },
  };
  own = [guard({}), { id: 'guard_3', name: 'hook', action: 'deny', stages: ['input'], check }];
  expect((await ask('13812345678')).status).toBe(400);
  expect(seen).toEqual(['[PHONE]']);
  expect(bodies).toEqual([]);
});
