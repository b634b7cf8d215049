import { readFileSync } from 'node:fs';
import Anthropic, { APIError } from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Installation } from '../support/servers/installation.ts';
import { startVendorServer, type VendorServer } from '../support/vendor-server.ts';
import { call } from './api-client.ts';
import { until } from './llamp-process.ts';

export interface MessagesTarget {
  readonly installation: Installation;
  /** A chat model that the scripted upstream serves. */
  readonly chatModel: string;
}

const NATIVE_MODEL = 'claude-recorded';
const FIXTURES = 'src/domains/gateway/providers/anthropic/fixtures';
const fixture = (name: string) => readFileSync(`${FIXTURES}/${name}`, 'utf8');
const PROPAGATION_MS = 10_000;

/** What the official SDK for Node must be able to do with Anthropic's API, unmodified. */
export function anthropicNodeSuite(target: () => MessagesTarget): void {
  const client = (apiKey = target().installation.apiKey) =>
    new Anthropic({ baseURL: target().installation.url, apiKey, maxRetries: 0 });
  const hello = (model = target().chatModel) => ({
    model,
    max_tokens: 256,
    messages: [{ role: 'user' as const, content: 'say hello' }],
  });

  describe('GW-16 any model with the @anthropic-ai/sdk package', () => {
    test('a message in one piece carries usage and a request id', async () => {
      const message = await client().messages.create({ ...hello(), system: 'Be brief.' });
      expect(message).toMatchObject({
        type: 'message',
        role: 'assistant',
        stop_reason: 'end_turn',
      });
      expect(message.content).toMatchObject([{ type: 'text', text: expect.stringMatching(/\S/) }]);
      expect(message.usage.input_tokens).toBeGreaterThan(0);
      expect(message.usage.output_tokens).toBeGreaterThan(0);
      expect(message._request_id).toMatch(/^\S{8,}$/);
    });

    test('a stream joins to the same message', async () => {
      const whole = await client().messages.create(hello());
      const helper = client().messages.stream(hello());
      const pieces: string[] = [];
      helper.on('text', (piece) => pieces.push(piece));
      const final = await helper.finalMessage();
      expect(final.content).toEqual(whole.content);
      expect(final.usage).toMatchObject({
        input_tokens: whole.usage.input_tokens,
        output_tokens: whole.usage.output_tokens,
      });
      expect([{ type: 'text', text: pieces.join(''), citations: null }]).toEqual(final.content);
    });

    test('a bearer token is as good as a key', async () => {
      const { url, apiKey } = target().installation;
      const bearer = new Anthropic({ baseURL: url, apiKey: null, authToken: apiKey });
      expect((await bearer.messages.create(hello())).type).toBe('message');
    });

    test('tokens are counted', async () => {
      const { model, messages } = hello();
      const { input_tokens } = await client().messages.countTokens({ model, messages });
      expect(input_tokens).toBeGreaterThan(0);
    });

    test('errors have the classes of the package', async () => {
      const unknown = await failureOf(client().messages.create(hello('no-such-model')));
      expect(unknown).toBeInstanceOf(Anthropic.NotFoundError);
      expect(unknown).toMatchObject({ type: 'not_found_error', errorCode: 'model_not_found' });
      const wrongKey = await failureOf(client('sk-llamp-wrong').messages.create(hello()));
      expect(wrongKey).toBeInstanceOf(Anthropic.AuthenticationError);
      expect(wrongKey).toMatchObject({ type: 'authentication_error' });
      expect(wrongKey.requestID).toMatch(/^\S{8,}$/);
      const content = [{ type: 'text', text: 7 }] as never;
      const wrongType = await failureOf(
        client().messages.create({ ...hello(), messages: [{ role: 'user', content }] }),
      );
      expect(wrongType).toBeInstanceOf(Anthropic.BadRequestError);
      expect(wrongType.message).toContain('messages[0].content[0].text');
    });
  });

  describe('GW-16 Anthropic’s own models with the @anthropic-ai/sdk package', () => {
    let vendor: VendorServer;
    beforeAll(async () => {
      vendor = await startVendorServer();
      await serveNativeModel(target().installation, vendor);
    });
    afterAll(() => vendor?.close());

    test('thoughts and parallel tools arrive as they were sent', async () => {
      vendor.play(events('thinking.sse'));
      const thought = await client().messages.stream(hello(NATIVE_MODEL)).finalMessage();
      expect(thought.content).toEqual([
        { type: 'thinking', thinking: 'First this.', signature: 'c2lnbmVk' },
        { type: 'redacted_thinking', data: 'aGlkZGVu' },
        { type: 'text', text: '42' },
      ]);
      expect(thought.usage).toMatchObject({ input_tokens: 25, output_tokens: 60 });
      vendor.play(events('parallel-tools.sse'));
      const called = await client().messages.stream(hello(NATIVE_MODEL)).finalMessage();
      expect(called.stop_reason).toBe('tool_use');
      expect(called.content.slice(1)).toMatchObject([
        { type: 'tool_use', id: 'toolu_1', input: { city: 'Paris' } },
        { type: 'tool_use', id: 'toolu_2', input: { city: 'Oslo' } },
        { type: 'tool_use', id: 'toolu_3', input: {} },
      ]);
    });

    test('betas and the version of the package reach the vendor', async () => {
      const headers = { 'content-type': 'application/json' };
      vendor.play({ headers, body: fixture('message.json') });
      const betas = ['context-1m-2025-08-07' as const];
      const message = await client().beta.messages.create({ ...hello(NATIVE_MODEL), betas });
      expect(message.id).toBe('msg_02');
      expect(vendor.journal[0]).toMatchObject({
        path: '/v1/messages',
        headers: {
          'x-api-key': 'sk-ant-recorded',
          'anthropic-beta': 'context-1m-2025-08-07',
          'anthropic-version': expect.stringMatching(/^20\d\d-/),
        },
      });
    });

    test('an error in the middle is raised', async () => {
      vendor.play(events('error-midway.sse'));
      const failure = await failureOf(client().messages.stream(hello(NATIVE_MODEL)).finalMessage());
      expect(failure).toMatchObject({ type: 'api_error' });
    });
  });
}

const events = (name: string) => ({
  headers: { 'content-type': 'text/event-stream' },
  body: fixture(name),
});

async function serveNativeModel(installation: Installation, vendor: VendorServer): Promise<void> {
  const { url, apiKey: key, instances } = installation;
  const make = async (path: string, json: object) => {
    const answer = await call(url, { path: `/api/v1/${path}`, key, json });
    expect(answer.status, answer.text).toBeLessThan(300);
  };
  await make('providers', {
    name: 'recorded',
    kind: 'anthropic',
    base_url: `${vendor.origin}/v1`,
    credential: { api_key: 'sk-ant-recorded' },
  });
  const deployment = { name: 'recorded', provider: 'recorded', upstream_model: 'claude-1' };
  await make('deployments', deployment);
  const deployments = [{ deployment: 'recorded' }];
  await make('models', { name: NATIVE_MODEL, deployments });
  const found = async () => {
    const answers = await Promise.all(
      instances.map((instance) => call(instance.url, { path: `/v1/models/${NATIVE_MODEL}`, key })),
    );
    return answers.every(({ status }) => status === 200) ? true : undefined;
  };
  await until(found, PROPAGATION_MS);
}

async function failureOf(promise: Promise<unknown>): Promise<APIError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(APIError);
  return outcome as APIError;
}
