import type { FastifyReply, FastifyRequest } from 'fastify';
import type { SendEventStream } from './event-stream-sender.ts';
import type { CacheableCall } from './response-cache/cache-request.ts';
import type { Inference } from './response-cache/cached-inference.ts';

export interface AnswerServices {
  readonly inference: Inference;
  readonly sendEventStream: SendEventStream;
  /** Silence before something keeps the connection alive. Default 15 000. */
  readonly keepAliveMs?: number;
}

export interface StreamedCall {
  readonly call: CacheableCall;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** An event that says nothing, where clients of the dialect expect one; by default a comment. */
  readonly keepAlive?: string;
}

const KEEP_ALIVE_MS = 15_000;

/** Answers a call with the stream of its events. */
export async function answerStream(
  services: AnswerServices,
  { call, request, reply, keepAlive }: StreamedCall,
): Promise<FastifyReply> {
  const keepAliveMs = services.keepAliveMs ?? KEEP_ALIVE_MS;
  const stream = await services.inference.stream(call, keepAliveMs);
  const headers = {
    ...stream.headers,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    // Nginx would gather the events otherwise.
    'x-accel-buffering': 'no',
  };
  const { body } = stream;
  await services.sendEventStream(request, reply, {
    status: 200,
    headers,
    body,
    keepAliveMs,
    keepAlive,
  });
  return reply;
}
