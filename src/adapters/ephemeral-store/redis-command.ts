import { ErrorReply, RESP_TYPES } from 'redis';
import {
  type EphemeralOptions,
  EphemeralStoreUnavailableError,
} from '../../ports/ephemeral-store.ts';
import type { RedisClient } from './redis-connection.ts';

// Answers of a server that is there and cannot serve; every other error answer is a defect of ours.
const UNAVAILABLE_REPLY =
  /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|MISCONF|OOM|BUSY|NOREPLICAS|NOAUTH|WRONGPASS)\b/;

export type CommandOptions = Parameters<RedisClient['sendCommand']>[1];

export const AS_BYTES: CommandOptions = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };

/** When a connection last answered anything. */
export interface LastReply {
  atMs: number;
}

export interface SendOptions {
  readonly commandOptions?: CommandOptions;
  readonly lastReply?: LastReply;
}

// A server that answers others is no silent one: commands of a burst wait for each other, up to this many times longer.
const PATIENCE = 5;

/**
 * Sends one command and waits for the answer no longer than the call's time, counted from the last answer that the
 * connection gave to anyone. The client's own time-out ends when a command is written, so that a server which stands
 * still would be waited for without end.
 */
export async function sendWithin<Reply>(
  client: RedisClient,
  command: readonly (string | Buffer)[],
  options: EphemeralOptions,
  { commandOptions, lastReply = { atMs: 0 } }: SendOptions = {},
): Promise<Reply> {
  options.signal?.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const stopWaiting = afterSilence(options.timeoutMs, lastReply, () => {
    const message = `the ephemeral store did not answer within ${options.timeoutMs} ms`;
    const cause = new DOMException(message, 'TimeoutError');
    reject(new EphemeralStoreUnavailableError(message, { cause }));
  });
  const onAbort = () => reject(options.signal?.reason);
  options.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const reply = client.sendCommand<Reply>([...command], commandOptions).then((value) => {
      lastReply.atMs = performance.now();
      return value;
    }, asUnavailable);
    return await Promise.race([reply, promise]);
  } finally {
    stopWaiting();
    options.signal?.removeEventListener('abort', onAbort);
  }
}

function afterSilence(timeoutMs: number, lastReply: LastReply, fail: () => void): () => void {
  const startedMs = performance.now();
  let stopped = false;
  const look = () => {
    if (stopped) return;
    const nowMs = performance.now();
    const silentMs = nowMs - Math.max(startedMs, lastReply.atMs);
    const leftMs = Math.min(timeoutMs - silentMs, PATIENCE * timeoutMs - (nowMs - startedMs));
    if (leftMs > 0) timer = setTimeout(lookLater, Math.ceil(leftMs));
    else fail();
  };
  // Behind what the socket holds: when this process was busy, the answer may have been here in time.
  const lookLater = () => setImmediate(look);
  let timer = setTimeout(lookLater, timeoutMs);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

function asUnavailable(error: unknown): never {
  if (error instanceof ErrorReply && !UNAVAILABLE_REPLY.test(error.message)) throw error;
  const reason = error instanceof Error ? error.message : String(error);
  throw new EphemeralStoreUnavailableError(`the ephemeral store is not available: ${reason}`, {
    cause: error,
  });
}

/** True for a command that got no answer in time, as opposed to one that could not be sent or was refused. */
export function isTimeout(error: unknown): boolean {
  return error instanceof EphemeralStoreUnavailableError && error.cause instanceof DOMException;
}
