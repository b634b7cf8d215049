import type { FastifyReply, FastifyRequest } from 'fastify';
import { changerOf } from '../../identity/index.ts';
import { checkText } from '../attributes.ts';
import type { CallContext } from '../stores/service.ts';

export const READ = { access: { action: 'knowledge.read' as const } };
export const SEARCH = { access: { action: 'knowledge.search' as const } };
export const WRITE = { access: { action: 'knowledge.write' as const } };

const POLL_AFTER_MS = 250;

/** What a call that asks other systems needs: who, which request, and a signal for a client that has gone. */
export function callContext(request: FastifyRequest, reply: FastifyReply): CallContext {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort(new Error('the client has gone'));
  });
  return { principal: changerOf(request), requestId: request.id, signal: gone.signal };
}

/** The official clients wait this long between two polls, and five seconds without it. */
export function advisePolling<Item extends { status: string }>(
  reply: FastifyReply,
  item: Item,
): Item {
  if (item.status === 'in_progress') reply.header('openai-poll-after-ms', String(POLL_AFTER_MS));
  return item;
}

/** Before every handler: text that cannot be stored is the client's mistake, wherever it is. */
export async function refuseUnstorableText(request: FastifyRequest): Promise<void> {
  checkText(request.params, '');
  checkText(request.query, '');
  checkText(request.body, '');
}
