import type { FastifyInstance } from 'fastify';
import { changerOf, listObject } from '../../identity/index.ts';
import { guardrailObject } from './guardrail.ts';
import {
  GuardrailBody,
  GuardrailParams,
  GuardrailPatch,
  GuardrailsQuery,
  GuardrailTestBody,
} from './guardrail-schemas.ts';
import type { GuardrailService } from './guardrail-service.ts';

const read = { access: { action: 'guardrails.read' as const } };
const write = { access: { action: 'guardrails.write' as const } };
const tags = ['guardrails'];
const params = GuardrailParams;

/** Guardrails of the caller's organization; register it under `/api/v1`. */
export async function guardrailRoutes(
  app: FastifyInstance,
  { guardrails }: { guardrails: GuardrailService },
): Promise<void> {
  changeRoutes(app, guardrails);
  readRoutes(app, guardrails);
}

function changeRoutes(app: FastifyInstance, guardrails: GuardrailService): void {
  app.post<{ Body: GuardrailBody }>(
    '/guardrails',
    { config: write, schema: { summary: 'Create a guardrail', tags, body: GuardrailBody } },
    async (request, reply) => {
      const row = await guardrails.create(changerOf(request), request.body);
      return reply.code(201).send(guardrailObject(row));
    },
  );
  app.patch<{ Params: GuardrailParams; Body: GuardrailPatch }>(
    '/guardrails/:guardrail_id',
    {
      config: write,
      schema: { summary: 'Change a guardrail', tags, params, body: GuardrailPatch },
    },
    async (request) => {
      const { guardrail_id: id } = request.params;
      return guardrailObject(await guardrails.update(changerOf(request), id, request.body));
    },
  );
  app.delete<{ Params: GuardrailParams }>(
    '/guardrails/:guardrail_id',
    { config: write, schema: { summary: 'Delete a guardrail', tags, params } },
    async (request) => {
      const { guardrail_id: id } = request.params;
      await guardrails.delete(changerOf(request), id);
      return { id, object: 'guardrail.deleted', deleted: true };
    },
  );
}

function readRoutes(app: FastifyInstance, guardrails: GuardrailService): void {
  app.get<{ Querystring: GuardrailsQuery }>(
    '/guardrails',
    { config: read, schema: { summary: 'List guardrails', tags, querystring: GuardrailsQuery } },
    async (request) =>
      listObject(await guardrails.list(changerOf(request), request.query), guardrailObject),
  );
  app.get<{ Params: GuardrailParams }>(
    '/guardrails/:guardrail_id',
    { config: read, schema: { summary: 'Get a guardrail', tags, params } },
    async (request) =>
      guardrailObject(await guardrails.get(changerOf(request), request.params.guardrail_id)),
  );
  app.post<{ Params: GuardrailParams; Body: GuardrailTestBody }>(
    '/guardrails/:guardrail_id/test',
    { config: read, schema: { summary: 'Try a guardrail', tags, params, body: GuardrailTestBody } },
    async (request) => {
      const { guardrail_id: id } = request.params;
      const result = await guardrails.test(changerOf(request), id, request.body.text);
      return { object: 'guardrail.test', ...result };
    },
  );
}
