import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type Fault,
  type ScriptedProvider,
  startScriptedProvider,
} from '../../../test/support/scripted-provider.ts';
import {
  type BareGateway,
  startBareGateway,
} from '../../../test/support/scripted-provider/bare-gateway.ts';

let provider: ScriptedProvider;
let gateway: BareGateway;

beforeAll(async () => {
  provider = await startScriptedProvider({ models: ['m'] });
  gateway = await startBareGateway({
    upstream: provider,
    timeouts: {
      connectMs: 300,
      firstByteMs: 300,
      firstTokenMs: 300,
      betweenFramesMs: 250,
      totalMs: 3_000,
    },
  });
});

afterEach(() => {
  gateway.records.length = 0;
  provider.journal.length = 0;
});

afterAll(async () => {
  await gateway.close();
  await provider.close();
});

interface Expectation {
  readonly fault: Fault;
  readonly status: number;
  readonly code?: string;
  readonly record: 'completed' | 'truncated' | 'failed';
  /** Requests that reach the upstream; 2 when another attempt may help. */
  readonly attempts: number;
  /** For streams that began: they end with this code in an error event. */
  readonly event?: string;
}

const failed = (fault: Fault, status: number, code: string, attempts: number): Expectation => ({
  fault,
  status,
  code,
  record: 'failed',
  attempts,
});
const whole = (fault: Fault): Expectation => ({
  fault,
  status: 200,
  record: 'completed',
  attempts: 1,
});
const broken = (fault: Fault): Expectation => ({
  fault,
  status: 200,
  record: 'truncated',
  attempts: 1,
  event: 'upstream_error',
});

const BOTH: readonly Expectation[] = [
  whole('none'),
  whole('no-usage'),
  failed('status-400', 400, 'context_length_exceeded', 1),
  failed('detail-400', 400, 'upstream_rejected', 1),
  failed('status-401', 502, 'upstream_authentication_failed', 1),
  failed('status-403', 502, 'upstream_authentication_failed', 1),
  failed('status-404', 404, 'model_not_found', 1),
  failed('status-413', 413, 'upstream_rejected', 1),
  failed('status-422', 422, 'upstream_rejected', 1),
  failed('status-429', 429, 'rate_limit_exceeded', 1),
  failed('status-500', 502, 'upstream_error', 2),
  failed('status-503', 503, 'upstream_unavailable', 2),
  failed('html-502', 502, 'upstream_error', 2),
  failed('html-200', 502, 'upstream_error', 2),
  failed('reset', 502, 'upstream_error', 2),
  failed('garbage', 502, 'upstream_error', 2),
  failed('error-first', 502, 'upstream_error', 2),
  failed('refusal-first', 400, 'context_length_exceeded', 1),
  failed('hang', 504, 'upstream_timeout', 1),
  failed('hang-after-head', 504, 'upstream_timeout', 1),
];

const JSON_ONLY: readonly Expectation[] = [
  failed('cut', 502, 'upstream_error', 2),
  failed('early-end', 502, 'upstream_error', 2),
  failed('stall', 504, 'upstream_timeout', 1),
];

const STREAM_ONLY: readonly Expectation[] = [
  whole('comments'),
  whole('noise'),
  whole('split-utf8'),
  whole('giant-frame'),
  whole('no-done'),
  whole('no-last-blank-line'),
  whole('crlf'),
  whole('usage-in-finish'),
  whole('usage-everywhere'),
  failed('empty', 502, 'upstream_error', 2),
  broken('cut'),
  broken('early-end'),
  broken('malformed-frame'),
  broken('endless-frame'),
  { ...broken('error-later'), event: 'upstream words' },
  { ...broken('stall'), event: 'upstream_timeout' },
];

async function ask(fault: Fault, stream: boolean) {
  provider.queue({ fault }, { fault });
  const response = await gateway.post('/chat/completions', {
    model: 'm',
    messages: [{ role: 'user', content: 'hi' }],
    stream,
  });
  const text = await response.text();
  // What a second attempt did not use must not reach the next test.
  provider.clearQueue();
  const attempts = provider.journal.filter((received) => received.method === 'POST').length;
  return { response, text, attempts };
}

function checkCommon(expected: Expectation, answer: Awaited<ReturnType<typeof ask>>) {
  expect(answer.response.status).toBe(expected.status);
  expect(answer.attempts).toBe(expected.attempts);
  expect(gateway.records.map((record) => record.status)).toEqual([expected.record]);
  if (expected.code === undefined) return;
  const { error } = JSON.parse(answer.text);
  expect(error.code).toBe(expected.code);
  expect(Object.keys(error)).toEqual(['message', 'type', 'param', 'code']);
  if (expected.status === 429 || expected.status === 503)
    expect(answer.response.headers.get('retry-after')).toMatch(/^\d+$/);
  if (expected.code === 'upstream_authentication_failed')
    expect(answer.text).not.toContain('sk-secret');
}

describe('an answer that is no stream', () => {
  it.each([...BOTH, ...JSON_ONLY])('$fault -> $status, $record', async (expected) => {
    const answer = await ask(expected.fault, false);
    checkCommon(expected, answer);
    expect(gateway.records[0]?.streamed).toBe(false);
  });
});

describe('GW-5 GW-6 a stream', () => {
  it.each([...BOTH, ...STREAM_ONLY])('$fault -> $status, $record', async (expected) => {
    const answer = await ask(expected.fault, true);
    checkCommon(expected, answer);
    expect(gateway.records[0]?.streamed).toBe(true);
    if (expected.status !== 200) return;
    checkEvents(answer.text, expected);
  });
});

/** Every event is JSON or `[DONE]`; a failure is the last event and nothing follows it. */
function checkEvents(text: string, expected: Expectation) {
  const events = text.split(/\r?\n\r?\n/).filter((event) => /^data:/m.test(event));
  const payloads = events.map((event) => /^data: (.*)$/m.exec(event)?.[1] ?? '');
  const parsed = payloads
    .filter((payload) => payload !== '[DONE]')
    .map((payload) => JSON.parse(payload));
  if (expected.event === undefined) {
    expect(parsed.some((event) => 'error' in event)).toBe(false);
    expect(payloads.at(-1) === '[DONE]').toBe(expected.fault !== 'no-done');
    return;
  }
  expect(payloads).not.toContain('[DONE]');
  const last = parsed.at(-1);
  if (expected.event === 'upstream words') expect(last.error.message).toBe('the engine died');
  else expect(last.error.code).toBe(expected.event);
  expect(parsed.filter((event) => 'error' in event)).toHaveLength(1);
}
