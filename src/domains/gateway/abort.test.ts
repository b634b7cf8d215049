import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Script,
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
  gateway = await startBareGateway({ upstream: provider, keepAliveMs: 150 });
  // The first calls of a process pay for compiling; they are no measure of the abort.
  await (await gateway.post('/chat/completions', body(true))).text();
  await leave({ fault: 'hang' }, false, false);
});

afterAll(async () => {
  await gateway.close();
  await provider.close();
});

const body = (stream: boolean) => ({
  model: 'm',
  messages: [{ role: 'user', content: 'hi' }],
  stream,
});

const CASES: { name: string; script: Partial<Script>; stream: boolean; readFirst: boolean }[] = [
  {
    name: 'an answer that is no stream, before its head',
    script: { fault: 'hang' },
    stream: false,
    readFirst: false,
  },
  {
    name: 'an answer that is no stream, in its middle',
    script: { fault: 'stall' },
    stream: false,
    readFirst: false,
  },
  {
    name: 'a stream before its first event',
    script: { fault: 'hang-after-head' },
    stream: true,
    readFirst: false,
  },
  {
    name: 'a stream that waits for the upstream with comments',
    script: { fault: 'hang' },
    stream: true,
    readFirst: true,
  },
  {
    name: 'a stalled stream',
    script: { fault: 'stall', frames: 2 },
    stream: true,
    readFirst: true,
  },
  { name: 'a running stream', script: { frames: 2_000, paceMs: 5 }, stream: true, readFirst: true },
];

/** Asks, leaves, and tells how long after that the upstream saw its connection closed. */
async function leave(
  script: Partial<Script>,
  stream: boolean,
  readFirst: boolean,
): Promise<number> {
  gateway.records.length = 0;
  provider.journal.length = 0;
  provider.queue(script);
  const client = new AbortController();
  const answer = gateway.post('/chat/completions', body(stream), { signal: client.signal });
  answer.catch(() => undefined);
  await provider.waitFor((journal) => journal.some((one) => one.method === 'POST'));
  if (readFirst) await (await answer).body?.getReader().read();
  const leftMs = performance.now();
  client.abort();
  await provider.waitFor((journal) => journal.some((one) => one.abortedMs !== undefined));
  const aborted = provider.journal.find((one) => one.abortedMs !== undefined);
  return (aborted?.abortedMs ?? Number.NaN) - leftMs;
}

describe('a client that goes away', () => {
  // Another process may take the processor away for longer than the limit.
  it.each(CASES)('ends the upstream call within 100 ms: $name', { retry: 2 }, async (one) => {
    expect(await leave(one.script, one.stream, one.readFirst)).toBeLessThan(100);
    await expect.poll(() => gateway.records.map((record) => record.status)).toEqual(['aborted']);
    expect(gateway.records[0]).toMatchObject({ estimated: true, streamed: one.stream });
  });
});
