import type {} from '@fastify/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { principalOf } from '../identity/index.ts';
import type { Endpoint } from '../models/index.ts';
import { clientSignal } from './client-signal.ts';
import type { SendEventStream } from './event-stream-sender.ts';
import type { JsonObject } from './field-checks.ts';
import { parseBody } from './request-body.ts';
import { type CacheableCall, cacheRequestOf } from './response-cache/cache-request.ts';
import type { Inference } from './response-cache/cached-inference.ts';
import { validateChat, validateCompletion, validateEmbedding } from './validate-request.ts';

export interface GatewayRouteServices {
  readonly inference: Inference;
  readonly sendEventStream: SendEventStream;
  /** Silence before a comment keeps the connection alive. Default 15 000. */
  readonly keepAliveMs?: number;
}

interface InferenceRoute {
  readonly path: string;
  readonly endpoint: Endpoint;
  readonly summary: string;
  readonly validate: (json: JsonObject) => void;
}

const KEEP_ALIVE_MS = 15_000;

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
        config: { access: { scope: 'inference' } },
        schema: { summary: route.summary, tags: ['inference'] },
      },
      async (request, reply) => answer(services, route, request, reply),
    );
  }
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
    return answerStream(services, call, request, reply);
  const whole = await services.inference.complete(call);
  return reply.code(200).headers(whole.headers).send(whole.body);
}

async function answerStream(
  services: GatewayRouteServices,
  call: CacheableCall,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const keepAliveMs = services.keepAliveMs ?? KEEP_ALIVE_MS;
  const stream = await services.inference.stream(call, keepAliveMs);
  const headers = {
    ...stream.headers,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    // Nginx would gather the events otherwise.
    'x-accel-buffering': 'no',
  };
  await services.sendEventStream(request, reply, {
    status: 200,
    headers,
    body: stream.body,
    keepAliveMs,
  });
  return reply;
}
