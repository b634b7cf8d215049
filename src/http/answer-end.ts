import type { FastifyReply } from 'fastify';
import { onResponseClose } from '../lib/response-close.ts';

/**
 * Calls `listener` once when an answer is complete or its connection is gone. The framework's `onResponse` hook is not
 * enough: it does not run when the client leaves first.
 */
export function onAnswerEnd(reply: FastifyReply, listener: () => void): void {
  onResponseClose(reply, listener);
}
