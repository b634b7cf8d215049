import type {} from '@fastify/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { principalOf } from '../identity/index.ts';
import type { Endpoint } from '../models/index.ts';
import { answerStream } from './answer-stream.ts';
import { clientSignal } from './client-signal.ts';
import type { JsonObject } from './field-checks.ts';
import { addMessagesRoutes, type MessagesRouteServices } from './messages/messages-routes.ts';
import { parseBody } from './request-body.ts';
import { type CacheableCall, cacheRequestOf } from './response-cache/cache-request.ts';
import { validateChat, validateCompletion, validateEmbedding } from './validate-request.ts';

export type GatewayRouteServices = MessagesRouteServices;

interface InferenceRoute {
  readonly path: string;
  readonly endpoint: Endpoint;
  readonly summary: string;
  readonly validate: (json: JsonObject) => void;
}

const ROUTES: readonly InferenceRoute[] = [
  {
    path: '/chat/completions',
    endpoint: 'chat.completions',
    summary: 'Create a chat completion',
    validate: validateChat,
  },
  {
    path: '/completions',
    endpoint: 'completions',
    summary: 'Create a completion',
    validate: validateCompletion,
  },
  {
    path: '/embeddings',
    endpoint: 'embeddings',
    summary: 'Create embeddings',
    validate: validateEmbedding,
  },
];

/** Register it under `/v1` and `/api/v1/llm`, in a scope whose JSON bodies arrive as `Buffer`. */
export async function gatewayRoutes(
  app: FastifyInstance,
  services: GatewayRouteServices,
): Promise<void> {
  for (const route of ROUTES) {
    app.post(
      route.path,
      {
        config: { access: { action: 'inference.call' } },
        schema: { summary: route.summary, tags: ['inference'] },
      },
      async (request, reply) => answer(services, route, request, reply),
    );
  }
  addMessagesRoutes(app, services);
}

async function answer(
  services: GatewayRouteServices,
  route: InferenceRoute,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const body = parseBody(request.body);
  route.validate(body.json);
  const call: CacheableCall = {
    principal: principalOf(request),
    requestId: request.id,
    endpoint: route.endpoint,
    body,
    cache: cacheRequestOf(request.headers),
    signal: clientSignal(reply),
    elapsedMs: () => reply.elapsedTime,
  };
  if (route.endpoint !== 'embeddings' && body.json['stream'] === true)
    return answerStream(services, { call, request, reply });
  const whole = await services.inference.complete(call);
  return reply.code(200).headers(whole.headers).send(whole.body);
}
