import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  callOf,
  deploymentOf,
  providerServices,
} from '../../../../../test/support/provider-calls.ts';
import { AnthropicProvider } from '../anthropic/anthropic-provider.ts';
import { OpenAiCompatibleProvider } from './open-ai-compatible-provider.ts';

let server: Server;
let baseUrl: string;
let requests = 0;

beforeAll(async () => {
  server = createServer((_request, response) => {
    requests += 1;
    response.end('{"object":"chat.completion","choices":[]}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

beforeEach(() => {
  requests = 0;
});

afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

const body = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const REFUSED = { code: 'upstream_unavailable', outcome: 'unreachable', status: 503 };

test.each(['openai-compatible', 'anthropic'] as const)(
  'ID-6 what a user set at an inner address is not called (%s)',
  async (kind) => {
    const services = providerServices();
    const provider =
      kind === 'anthropic'
        ? new AnthropicProvider(services)
        : new OpenAiCompatibleProvider(services);
    const endpoint = { baseUrl, apiKey: 'sk-1', isUserSet: true };
    const call = callOf(deploymentOf(kind, 'm', endpoint), body);
    await expect(provider.complete(call)).rejects.toMatchObject(REFUSED);
    await expect(provider.stream(call)).rejects.toMatchObject(REFUSED);
    expect(requests).toBe(0);
    await provider.close();
  },
);

test('ID-6 the operator calls what the operator set, before and after a user tried', async () => {
  const provider = new OpenAiCompatibleProvider(providerServices());
  const call = (isUserSet: boolean) =>
    provider.complete(callOf(deploymentOf('openai-compatible', 'm', { baseUrl, isUserSet }), body));
  await expect(call(false)).resolves.toMatchObject({ json: { object: 'chat.completion' } });
  await expect(call(true)).rejects.toMatchObject(REFUSED);
  await expect(call(false)).resolves.toBeDefined();
  expect(requests).toBe(2);
  await provider.close();
});
