import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { Agent } from 'undici';
import type { ScriptedProvider } from '../support/scripted-provider.ts';
import type { AppProcess } from '../support/servers/app-process.ts';
import type { Installation } from '../support/servers/installation.ts';
import { call, chat, openStream, usageByRequest } from './api-client.ts';
import { until } from './llamp-process.ts';

/** Models that keep a call running long enough to stop the server in the middle of it. */
export const SLOW_STREAM = 'scripted:paceMs=100,frames=40';
export const SLOW_ANSWER = 'scripted:delayMs=4000';
export const NEVER_IN_TIME = 'scripted:delayMs=60000';

const STREAMS = 20;
const ANSWERS = 20;

export interface DrainTarget {
  readonly installation: Installation;
  readonly upstream: ScriptedProvider;
}

export function drainSuite(
  target: () => DrainTarget,
  { isReplaced }: { /** Another instance takes new calls meanwhile. */ isReplaced: boolean },
): void {
  test('OP-3 GW-8 SIGTERM lets running calls end, and each has its usage record', async () => {
    const { installation } = target();
    for (const instance of installation.instances) {
      const running = await startCalls(target());
      const stopped = stopWhileWatching(instance);
      const during = isReplaced ? await callUntil(stopped, installation) : [];
      const { code, readiness } = await stopped;
      expect(during.length > 0).toBe(isReplaced);
      const ids = [...(await endsOf(running)), ...during];
      expect({ code, readiness }).toEqual({ code: 0, readiness: 503 });

      await instance.start();
      const usage = await usageOf(installation, ids);
      expect(ids.map((id) => usage.get(id))).toEqual(ids.map(() => 1));
    }
  });

  test('OP-3 a second SIGTERM ends it at once, and it starts again', async () => {
    const { installation, upstream } = target();
    const [instance] = installation.instances;
    if (instance === undefined) throw new Error('no instance');
    const before = upstream.journal.length;
    const key = installation.apiKey;
    const lost = chat({ url: instance.url, key, model: NEVER_IN_TIME }).catch(() => 'lost');
    await upstream.waitFor((journal) => journal.length > before, 60_000);
    instance.group.kill('SIGTERM');
    await logSays(instance, /stopping: running requests/);
    expect(instance.group.hasExited()).toBe(false);
    instance.group.kill('SIGTERM');
    expect(await instance.group.exited).toBe(1);
    expect(await lost).toBe('lost');
    await instance.stop();
    await instance.start();
    expect((await chat({ url: instance.url, key, model: 'scripted-chat' })).status).toBe(200);
  });
}

async function startCalls({ installation, upstream }: DrainTarget) {
  const { url, apiKey: key } = installation;
  const before = upstream.journal.length;
  const answers = Array.from({ length: ANSWERS }, () => chat({ url, key, model: SLOW_ANSWER }));
  const streams = await Promise.all(
    Array.from({ length: STREAMS }, () => openStream({ url, key, model: SLOW_STREAM })),
  );
  await upstream.waitFor((journal) => journal.length >= before + STREAMS + ANSWERS, 60_000);
  return { answers, streams };
}

/** Request ids of the calls, all of which must have been answered completely. */
async function endsOf({ answers, streams }: Awaited<ReturnType<typeof startCalls>>) {
  const ids: string[] = [];
  for (const { requestId, whole } of streams) {
    const text = await whole;
    expect(text).toContain('"finish_reason":"stop"');
    expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true);
    expect(text).not.toContain('"error"');
    ids.push(requestId);
  }
  for (const answer of await Promise.all(answers)) {
    expect(answer).toMatchObject({ status: 200, json: { object: 'chat.completion' } });
    ids.push(answer.requestId);
  }
  return ids;
}

/** Sends SIGTERM; readiness is asked over a connection from before, since no new ones are taken. */
async function stopWhileWatching(instance: AppProcess) {
  const connection = new Agent({ connections: 1, pipelining: 1 });
  const ready = { path: '/health/ready' };
  expect((await call(instance.url, ready, connection)).status).toBe(200);
  instance.group.kill('SIGTERM');
  await logSays(instance, /stopping: running requests/);
  const readiness = (await call(instance.url, ready, connection)).status;
  const code = await instance.group.exited;
  await connection.close();
  await instance.stop();
  return { code, readiness };
}

async function callUntil(stopped: Promise<unknown>, installation: Installation): Promise<string[]> {
  const { url, apiKey: key } = installation;
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  stopped.then(over, over);
  const ids: string[] = [];
  while (!isOver) {
    const answer = await chat({ url, key, model: 'scripted-chat' });
    expect(answer.status, answer.text).toBe(200);
    ids.push(answer.requestId);
  }
  return ids;
}

// The records of a call that another instance answered are written within its flush interval.
async function usageOf({ url, apiKey }: Installation, ids: readonly string[]) {
  return await until(async () => {
    const usage = await usageByRequest(url, apiKey);
    return ids.every((id) => usage.has(id)) ? usage : undefined;
  }, 20_000);
}

/** Waits for a line that the latest start of the instance has logged. */
async function logSays(instance: AppProcess, pattern: RegExp): Promise<void> {
  await until(async () => {
    const text = await readFile(instance.logPath, 'utf8');
    const latest = text.slice(text.lastIndexOf('Llamp is ready'));
    return pattern.test(latest) ? true : undefined;
  }, 30_000);
}
