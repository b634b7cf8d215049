import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  callOf,
  deploymentOf,
  providerServices,
  readBytes,
  soon,
} from '../../../../../test/support/provider-calls.ts';
import { startVendorServer, type VendorServer } from '../../../../../test/support/vendor-server.ts';
import type { Endpoint } from '../../../models/index.ts';
import type { Provider } from '../../provider.ts';
import { azureProvider } from './azure-provider.ts';

let vendor: VendorServer;
let provider: Provider;

beforeAll(async () => {
  vendor = await startVendorServer();
  const { timeouts, clock, guard } = providerServices();
  provider = azureProvider({ timeouts, clock, guard });
});

afterAll(async () => {
  await provider.close();
  await vendor.close();
});

const FRAMES = [
  'data: {"choices":[],"prompt_filter_results":[{"prompt_index":0}]}\n\n',
  'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n',
  'data: [DONE]\n\n',
].join('');
const bytes = Buffer.from('{"model": "alias","n":12345678901234567890,"messages":[]}');
const json = { model: 'alias', messages: [] };
const at = (baseUrl: string, apiVersion?: string) =>
  deploymentOf('azure', 'my gpt', { baseUrl, apiVersion, apiKey: 'azure-key' });

describe('GW-11 Azure', () => {
  it.each<[string, string | undefined, Endpoint, string]>([
    ['', '2024-10-21', 'chat.completions', '/openai/deployments/my%20gpt/chat/completions'],
    ['/openai', '2024-10-21', 'embeddings', '/openai/deployments/my%20gpt/embeddings'],
    ['/openai/v1', 'v1', 'chat.completions', '/openai/v1/chat/completions'],
    ['', undefined, 'completions', '/openai/v1/completions'],
    ['/openai/v1/', 'preview', 'embeddings', '/openai/v1/embeddings'],
  ])('reaches resource%s, version %s, %s', async (suffix, apiVersion, endpoint, path) => {
    vendor.play({ body: '{"ok":true}' });
    const deployment = at(vendor.origin + suffix, apiVersion);
    const answer = await provider.complete(callOf(deployment, json, { endpoint, bytes }));
    expect(answer.body.toString()).toBe('{"ok":true}');
    const dated = apiVersion !== undefined && apiVersion !== 'v1';
    expect(vendor.journal[0]).toMatchObject({
      path: dated ? `${path}?api-version=${apiVersion}` : path,
      text: bytes.toString().replace('"alias"', '"my gpt"'),
      headers: { 'api-key': 'azure-key' },
    });
    expect(vendor.journal[0]?.headers).not.toHaveProperty('authorization');
  });

  it('passes a stream on as its bytes', async () => {
    vendor.play({ headers: { 'content-type': 'text/event-stream' }, body: FRAMES });
    const answer = await provider.stream(callOf(at(vendor.origin), json, { bytes }));
    expect(await readBytes(answer)).toEqual({ bytes: FRAMES, failure: undefined });
    answer.release(true);
  });

  it('closes the socket of an aborted call', async () => {
    const client = new AbortController();
    vendor.play({ silent: true });
    const request = callOf(at(vendor.origin), json, { bytes, signal: client.signal });
    const failure = provider.complete(request).catch((error: unknown) => error);
    await expect.poll(() => vendor.journal.length).toBe(1);
    const reason = new Error('the client is gone');
    client.abort(reason);
    expect(await soon(() => vendor.journal[0]?.aborted === true)).toBe(true);
    expect(await failure).toBe(reason);
  });

  it.each([
    [401, 502],
    [404, 404],
    [503, 503],
  ])('maps status %i to %i', async (status, ours) => {
    vendor.play({ status, body: '{"error":{"code":"DeploymentNotFound","message":"no"}}' });
    const request = callOf(at(vendor.origin), json, { bytes });
    await expect(provider.complete(request)).rejects.toMatchObject({ status: ours });
  });
});
