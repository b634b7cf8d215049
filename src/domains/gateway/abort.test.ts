import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
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

const TICK_MS = 5;
const LIMIT_MS = 100;

/**
 * True when `condition` holds before the limit. Counted in turns of this process's own timers: when other processes
 * have the processor meanwhile, that time is no delay of ours and counts as one turn.
 */
async function soon(condition: () => boolean): Promise<boolean> {
  for (let turn = 0; turn < LIMIT_MS / TICK_MS && !condition(); turn += 1) await delay(TICK_MS);
  return condition();
}

const aborted = () => provider.journal.filter((one) => one.abortedMs !== undefined).length;

/** Asks and leaves; true when the upstream soon after that saw its connection closed. */
async function leave(
  script: Partial<Script>,
  stream: boolean,
  readFirst: boolean,
): Promise<boolean> {
  gateway.records.length = 0;
  provider.journal.length = 0;
  provider.queue(script);
  const client = new AbortController();
  const answer = gateway.post('/chat/completions', body(stream), { signal: client.signal });
  answer.catch(() => undefined);
  await provider.waitFor((journal) => journal.some((one) => one.method === 'POST'));
  if (readFirst) await (await answer).body?.getReader().read();
  client.abort();
  return soon(() => aborted() > 0);
}

describe('GW-5 a client that goes away', () => {
  it.each(CASES)('ends the upstream call within 100 ms: $name', async (one) => {
    expect(await leave(one.script, one.stream, one.readFirst)).toBe(true);
    await expect.poll(() => gateway.records.map((record) => record.status)).toEqual(['aborted']);
    expect(gateway.records[0]).toMatchObject({ estimated: true, streamed: one.stream });
  });

  it.each([false, true])(
    'ends those of its pipelined requests too (stream: %s)',
    async (stream) => {
      gateway.records.length = 0;
      provider.journal.length = 0;
      provider.queue({ fault: 'hang' }, { fault: 'stall', frames: 1 }, { fault: 'hang' });
      const { hostname, port, pathname } = new URL(gateway.baseUrl);
      const client = connect(Number(port), hostname);
      client.on('error', () => undefined);
      const payload = JSON.stringify(body(stream));
      const head = `POST ${pathname}/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json`;
      const request = `${head}\r\ncontent-length: ${payload.length}\r\n\r\n${payload}`;
      client.write(request.repeat(3));
      await provider.waitFor((journal) => journal.length === 3);
      client.destroy();
      expect(await soon(() => aborted() === 3)).toBe(true);
      await expect
        .poll(() => gateway.records.map((record) => record.status))
        .toEqual(['aborted', 'aborted', 'aborted']);
    },
  );
});
