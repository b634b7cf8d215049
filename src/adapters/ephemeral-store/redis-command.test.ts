import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EphemeralStoreUnavailableError } from '../../ports/ephemeral-store.ts';
import { sendWithin } from './redis-command.ts';
import type { RedisClient } from './redis-connection.ts';

const OPTIONS = { timeoutMs: 50 };

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'],
  });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Answers each command after the time that it names; `never` gets no answer. */
const client = {
  sendCommand: ([delay]: string[]) =>
    new Promise((resolve) => {
      if (delay !== 'never') setTimeout(() => resolve(delay), Number(delay));
    }),
} as unknown as RedisClient;

function send(command: string, lastReply = { atMs: 0 }) {
  return sendWithin<string>(client, [command], OPTIONS, { lastReply }).catch(
    (error: unknown) => error,
  );
}

describe('the time of a command', () => {
  it('ends with the silence of the server', async () => {
    const call = send('never');
    await vi.advanceTimersByTimeAsync(51);
    expect(await call).toBeInstanceOf(EphemeralStoreUnavailableError);
  });

  it('goes on while the server answers others', async () => {
    const lastReply = { atMs: 0 };
    const burst = ['30', '70', '110', '150'].map((delay) => send(delay, lastReply));
    await vi.advanceTimersByTimeAsync(200);
    expect(await Promise.all(burst)).toEqual(['30', '70', '110', '150']);
  });

  it('ends some time, however much the server answers', async () => {
    const lastReply = { atMs: 0 };
    const forgotten = send('never', lastReply);
    const others = Array.from({ length: 20 }, (_, n) => send(`${n * 20}`, lastReply));
    await vi.advanceTimersByTimeAsync(240);
    const early = await Promise.race([forgotten, Promise.resolve('waits')]);
    expect(early).toBe('waits');
    await vi.advanceTimersByTimeAsync(15);
    expect(await forgotten).toBeInstanceOf(EphemeralStoreUnavailableError);
    await vi.advanceTimersByTimeAsync(500);
    await Promise.all(others);
  });
});
