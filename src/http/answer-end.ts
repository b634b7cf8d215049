import type { FastifyReply } from 'fastify';

/**
 * Calls `listener` once when an answer is complete or its connection is gone. The framework's `onResponse` hook is not
 * enough: it does not run when the client leaves first.
 */
export function onAnswerEnd(reply: FastifyReply, listener: () => void): void {
  reply.raw.once('close', listener);
}
