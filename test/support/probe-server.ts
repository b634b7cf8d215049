import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { Type } from 'typebox';
import { expect } from 'vitest';
import type { Principal, Scope } from '../../src/domains/identity/index.ts';
import { buildServer } from '../../src/http/server.ts';
import { AppError } from '../../src/lib/app-error.ts';
import { createMetrics } from '../../src/lib/metrics.ts';
import { type RecordedLine, recordingLog } from './recording-log.ts';

export const MEGABYTE = 1024 ** 2;
const keys: Record<string, Scope[]> = { good: ['inference', 'management'], metrics: ['metrics'] };

export interface ProbeServer {
  readonly app: FastifyInstance;
  readonly port: number;
  readonly lines: readonly RecordedLine[];
}

/** The real HTTP side with routes that show what arrives; key `good` has all but the scope of key `metrics`. */
export async function startProbeServer(): Promise<ProbeServer> {
  const { log, lines } = recordingLog();
  const { app } = await buildServer({
    version: '1.2.3',
    log,
    metrics: createMetrics(),
    authenticate: principalFor,
    health: { results: async () => [] },
    isDraining: () => false,
    completeSetup: async ({ token }) => {
      if (token === 'right') return { apiKey: 'sk-llamp-<new>' };
      throw new AppError({
        code: 'invalid_one_time_link',
        status: 400,
        message: 'No such <link>.',
      });
    },
    domains: [
      { plugin: probe, prefixes: ['/v1', '/api/v1/llm'] },
      { plugin: raw, prefixes: ['/v1'], rawJsonBodies: true },
    ],
    config: {
      trustedProxies: [],
      publicUrl: undefined,
      bodyMaxBytes: 10 * MEGABYTE,
      fileMaxBytes: 20 * MEGABYTE,
    },
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { app, port, lines };
}

function principalFor(key: string): Principal | null {
  const scopes = keys[key];
  if (scopes === undefined) return null;
  return { kind: 'api_key', organizationId: 'o', projectId: 'p', apiKeyId: `key_${key}`, scopes };
}

const probe: FastifyPluginAsync = async (app) => {
  const config = { access: { action: 'models.write' as const } };
  const Item = Type.Object(
    { content: Type.String({ minLength: 1 }) },
    { additionalProperties: false },
  );
  const Body = Type.Object(
    {
      name: Type.String(),
      count: Type.Optional(Type.Integer({ minimum: 1, maximum: 5 })),
      kind: Type.Optional(Type.Enum(['a', 'b'])),
      messages: Type.Optional(Type.Array(Item)),
    },
    { additionalProperties: false },
  );
  const Query = Type.Object({
    limit: Type.Integer({ minimum: 1, default: 20 }),
    include: Type.Optional(Type.Array(Type.String())),
  });
  app.post('/things', { config, schema: { body: Body } }, async (request) => request.body);
  app.get('/things', { config, schema: { querystring: Query } }, async (request) => request.query);
  app.delete('/things/:id', { config }, async (request) => ({ body: request.body ?? null }));
  app.get('/public', { config: { access: 'public' } }, async () => ({ ok: true }));
  app.get('/defect', { config: { access: 'public' } }, async () => {
    throw new Error('a secret detail');
  });
  app.get('/busy', { config: { access: 'public' } }, async () => {
    throw new AppError({
      code: 'rate_limit_exceeded',
      status: 429,
      message: 'Slow down.',
      retryable: true,
      retryAfterMs: 2_500,
    });
  });
  app.get('/quota', { config: { access: 'public' } }, async () => {
    throw new AppError({ code: 'insufficient_quota', status: 429, message: 'Nothing left.' });
  });
  app.post('/upload', { config: { access: 'public' } }, async (request) => {
    let sizeBytes = 0;
    for await (const part of request.parts()) {
      if (part.type === 'file') for await (const chunk of part.file) sizeBytes += chunk.length;
    }
    return { sizeBytes };
  });
};

const raw: FastifyPluginAsync = async (app) => {
  app.post('/raw', { config: { access: { action: 'inference.call' } } }, async (request) => ({
    isBuffer: Buffer.isBuffer(request.body),
    text: String(request.body),
  }));
};

/** All four keys, and the given values among them. */
export function expectEnvelope(body: unknown, expected: Record<string, unknown>): void {
  expect(Object.keys(body as object)).toEqual(['error']);
  const { error } = body as { error: Record<string, unknown> };
  expect(Object.keys(error)).toEqual(['message', 'type', 'param', 'code']);
  expect(error['message']).toBeTruthy();
  expect(error).toMatchObject(expected);
}
