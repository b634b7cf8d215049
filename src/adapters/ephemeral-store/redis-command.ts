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

/**
 * Sends one command and waits for the answer no longer than the call's time. The client's own time-out ends when a
 * command is written, so that a server which stands still would be waited for without end.
 */
export async function sendWithin<Reply>(
  client: RedisClient,
  command: readonly (string | Buffer)[],
  options: EphemeralOptions,
  commandOptions?: CommandOptions,
): Promise<Reply> {
  options.signal?.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const message = `the ephemeral store did not answer within ${options.timeoutMs} ms`;
  const fail = () => {
    const cause = new DOMException(message, 'TimeoutError');
    reject(new EphemeralStoreUnavailableError(message, { cause }));
  };
  // Behind what the socket holds: when this process was busy, the answer may have been here in time.
  const timer = setTimeout(() => setImmediate(fail), options.timeoutMs);
  const onAbort = () => reject(options.signal?.reason);
  options.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const reply = client.sendCommand<Reply>([...command], commandOptions).catch(asUnavailable);
    return await Promise.race([reply, promise]);
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  }
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
