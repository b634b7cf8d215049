import type {} from '@fastify/swagger';
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { principalOf } from '../../identity/index.ts';
import { type ModelCatalogue, requireAllowedModel } from '../../models/index.ts';
import { type AnswerServices, answerStream } from '../answer-stream.ts';
import { clientSignal } from '../client-signal.ts';
import { parseBody } from '../request-body.ts';
import { type CacheableCall, cacheRequestOf } from '../response-cache/cache-request.ts';
import { estimateInput } from './estimate-input.ts';
import { validateCount, validateMessage } from './validate-messages.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How errors of the route are written; OpenAI's way by default. */
    errorDialect?: 'anthropic';
  }
}

export interface MessagesRouteServices extends AnswerServices {
  /** Knows whether a model exists that is not asked. */
  readonly catalogue: Pick<ModelCatalogue, 'find' | 'resolve'>;
}

const PING = 'event: ping\ndata: {"type": "ping"}\n\n';
/** What the client says about the version of the API it speaks. */
const DIALECT_HEADERS = ['anthropic-version', 'anthropic-beta'];

/** Anthropic's API, in the same scope as OpenAI's. */
export function addMessagesRoutes(app: FastifyInstance, services: MessagesRouteServices): void {
  app.post('/messages', routeOptions('Create a message'), async (request, reply) => {
    nameRequest(request, reply);
    return answerMessage(services, request, reply);
  });
  const counting = routeOptions('Count the tokens of a message');
  app.post('/messages/count_tokens', counting, async (request, reply) => {
    nameRequest(request, reply);
    return countTokens(services, request);
  });
}

function routeOptions(summary: string) {
  return {
    config: { access: { action: 'inference.call' as const }, errorDialect: 'anthropic' as const },
    schema: { summary, tags: ['inference'] },
  };
}

/** Under the name that Anthropic's clients look for. */
function nameRequest(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('request-id', request.id);
}

async function answerMessage(
  services: MessagesRouteServices,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const body = parseBody(request.body);
  validateMessage(body.json);
  const call: CacheableCall = {
    principal: principalOf(request),
    requestId: request.id,
    endpoint: 'messages',
    body,
    headers: dialectHeaders(request.headers),
    cache: cacheRequestOf(request.headers),
    signal: clientSignal(reply),
    elapsedMs: () => reply.elapsedTime,
  };
  if (body.json['stream'] === true)
    return answerStream(services, { call, request, reply, keepAlive: PING });
  const whole = await services.inference.complete(call);
  return reply.code(200).headers(whole.headers).send(whole.body);
}

/** An estimate, for every model: nobody is asked and nothing is used. */
async function countTokens({ catalogue }: MessagesRouteServices, request: FastifyRequest) {
  const { json } = parseBody(request.body);
  validateCount(json);
  const name = String(json['model']);
  requireAllowedModel(principalOf(request), name);
  if (catalogue.find(name) === undefined) await catalogue.resolve(name);
  return { input_tokens: estimateInput(json) };
}

function dialectHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const given: Record<string, string> = {};
  for (const name of DIALECT_HEADERS) {
    const value = headers[name];
    if (value !== undefined) given[name] = String(value);
  }
  return given;
}
