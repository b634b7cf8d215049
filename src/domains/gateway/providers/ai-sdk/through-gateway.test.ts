import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callOf, deploymentOf } from '../../../../../test/support/provider-calls.ts';
import {
  type RecordedAnswer,
  startVendorServer,
  type VendorServer,
} from '../../../../../test/support/vendor-server.ts';
import { systemClock } from '../../../../adapters/clock/system.ts';
import { silentLog } from '../../../../lib/log.ts';
import { createMetrics } from '../../../../lib/metrics.ts';
import { type Model, type ModelCatalogue, plainRouting } from '../../../models/index.ts';
import type { UsageRecord } from '../../../usage/index.ts';
import { type OpenedInference, openInference } from '../../open-inference.ts';

const PRINCIPAL = {
  kind: 'api_key' as const,
  organizationId: 'org_1',
  projectId: 'proj_1',
  apiKeyId: 'key_1',
  scopes: ['inference' as const],
};

let vendor: VendorServer;
let opened: OpenedInference;
const records: UsageRecord[] = [];

beforeAll(async () => {
  vendor = await startVendorServer();
  const endpoint = { baseUrl: `${vendor.origin}/v1`, apiKey: 'k' };
  const deployment = deploymentOf('anthropic', 'claude-sonnet-4-5', endpoint);
  const model: Model = {
    name: 'm',
    created: 0,
    ownedBy: 'anthropic',
    label: 'm',
    ...plainRouting([deployment]),
  };
  // All that a call asks of the catalogue.
  const catalogue = { find: () => model } as unknown as ModelCatalogue;
  opened = openInference({
    catalogue,
    recorder: { begin: () => undefined, record: (record) => void records.push(record) },
    metrics: createMetrics(),
    clock: systemClock,
    log: silentLog,
  });
});

beforeEach(() => {
  records.length = 0;
});

afterAll(async () => {
  await opened.close();
  await vendor.close();
});

const recorded = (name: string): RecordedAnswer => ({
  headers: { 'content-type': name.endsWith('.sse') ? 'text/event-stream' : 'application/json' },
  body: readFileSync(new URL(`../anthropic/fixtures/${name}`, import.meta.url), 'utf8'),
});

function call(json: object) {
  const body = { model: 'm', messages: [{ role: 'user', content: 'hi' }], ...json };
  const {
    bytes,
    json: parsed,
    signal,
  } = callOf(deploymentOf('anthropic', '', { baseUrl: '' }), body);
  return {
    principal: PRINCIPAL,
    requestId: 'req_1',
    endpoint: 'chat.completions' as const,
    body: { bytes, json: parsed },
    signal,
  };
}

async function streamed(json: object): Promise<string> {
  const { body } = await opened.inference.stream(call({ stream: true, ...json }), 10_000);
  let text = '';
  for await (const bytes of body) text += Buffer.from(bytes).toString('utf8');
  return text;
}

const EXACT = { promptTokens: 135, completionTokens: 15, cachedTokens: 100, estimated: false };

describe('GW-11 another dialect behind the gateway', () => {
  it('meters exactly, and shows the usage event to who asked for it', async () => {
    vendor.play(recorded('text.sse'));
    const hidden = await streamed({});
    const shown = await streamed({ stream_options: { include_usage: true } });
    expect(hidden).not.toContain('"usage"');
    expect(hidden).toMatch(/"finish_reason":"stop"\}\]\}\n\ndata: \[DONE\]\n\n$/);
    expect(shown).toMatch(/"prompt_tokens":135.*"choices":\[\]\}\n\ndata: \[DONE\]\n\n$/);
    expect(records).toMatchObject([
      { ...EXACT, status: 'completed' },
      { ...EXACT, status: 'completed' },
    ]);
  });

  it('tries again after an error before the first content', async () => {
    vendor.play(recorded('error-before-content.sse'), recorded('text.sse'));
    expect(await streamed({})).toMatch(/data: \[DONE\]\n\n$/);
    expect(vendor.journal).toHaveLength(2);
    expect(records).toMatchObject([{ ...EXACT, status: 'completed' }]);
  });

  it.each(['cut.sse', 'error-midway.sse'])('ends %s with an error event', async (name) => {
    vendor.play(recorded(name));
    const text = await streamed({});
    expect(text).toContain('"content":"Hello"');
    expect(text).toMatch(/data: \{"error":\{"message":"[^"]+","type":"server_error".*\n\n$/);
    expect(text).not.toContain('[DONE]');
    expect(records).toMatchObject([{ status: 'truncated' }]);
    expect(vendor.journal).toHaveLength(1);
  });

  it('answers at once and meters exactly', async () => {
    vendor.play(recorded('message.json'));
    const { json } = await opened.inference.complete(call({}));
    expect(json['choices']).toMatchObject([{ finish_reason: 'tool_calls' }]);
    expect(records).toMatchObject([
      { promptTokens: 37, completionTokens: 40, cachedTokens: 7, estimated: false },
    ]);
  });

  it('refuses without asking the vendor', async () => {
    vendor.play(recorded('text.sse'));
    await expect(streamed({ n: 2 })).rejects.toMatchObject({ status: 400, param: 'n' });
    expect(vendor.journal).toHaveLength(0);
  });
});
