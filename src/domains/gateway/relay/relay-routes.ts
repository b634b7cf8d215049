import { addAbortSignal, Readable } from 'node:stream';
import type {} from '@fastify/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { principalOf } from '../../identity/index.ts';
import { clientSignal } from '../client-signal.ts';
import type { SendEventStream } from '../event-stream-sender.ts';
import { relayBody } from './relay-body.ts';
import { RELAY_ENDPOINTS, type RelayEndpoint } from './relay-endpoints.ts';
import type { RelayedAnswer, RelayService } from './relay-service.ts';

export interface RelayRouteServices {
  readonly relays: Pick<RelayService, 'relay'>;
  readonly sendEventStream: SendEventStream;
  /** Silence before a comment keeps a stream of events alive. Default 15 000. */
  readonly keepAliveMs?: number;
}

/** A file of 25 MiB, as OpenAI takes it, and the fields around it. */
export const RELAYED_FORM_BYTES_MAX = 26 * 1024 * 1024;

const KEEP_ALIVE_MS = 15_000;

/** Register it under `/v1` and `/api/v1/llm`, in a scope whose JSON bodies and forms arrive as `Buffer`. */
export async function relayRoutes(
  app: FastifyInstance,
  services: RelayRouteServices,
): Promise<void> {
  for (const endpoint of RELAY_ENDPOINTS) {
    const { path, summary } = endpoint;
    const options = {
      config: { access: { action: 'inference.call' as const } },
      schema: { summary, tags: ['inference'] },
    };
    app.post(path, options, async (request, reply) => answer(services, endpoint, request, reply));
  }
}

async function answer(
  services: RelayRouteServices,
  endpoint: RelayEndpoint,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const keepAliveMs = services.keepAliveMs ?? KEEP_ALIVE_MS;
  const call = {
    principal: principalOf(request),
    requestId: request.id,
    endpoint: endpoint.endpoint,
    body: relayBody(endpoint, request.body, request.headers['content-type']),
    signal: clientSignal(reply),
    elapsedMs: () => reply.elapsedTime,
  };
  const relayed = await services.relays.relay(call, keepAliveMs);
  if (relayed.kind !== 'events')
    return reply.code(200).headers(relayed.headers).send(sent(relayed));
  const { headers, body } = relayed;
  await services.sendEventStream(request, reply, { status: 200, headers, body, keepAliveMs });
  return reply;
}

function sent(relayed: RelayedAnswer): Buffer | Readable {
  if (relayed.kind === 'whole') return relayed.body;
  const stream = Readable.from(relayed.body, { objectMode: false });
  // The time of a call may end while its client reads nothing.
  return addAbortSignal(relayed.signal, stream);
}
