import type { FastifyInstance } from 'fastify';
import { changerOf, listObject, principalOf } from '../../identity/index.ts';
import { limitObject } from './limit.ts';
import { LimitBody, LimitParams, LimitPatch, LimitsQuery } from './limit-schemas.ts';
import type { LimitService } from './limit-service.ts';

const read = { access: { action: 'limits.read' as const } };
const write = { access: { action: 'limits.write' as const } };
const tags = ['limits'];

/** Limits of the caller's organization; register it under `/api/v1`. */
export function limitRoutes(app: FastifyInstance, limits: LimitService): void {
  changeRoutes(app, limits);
  readRoutes(app, limits);
}

function changeRoutes(app: FastifyInstance, limits: LimitService): void {
  app.post<{ Body: LimitBody }>(
    '/limits',
    { config: write, schema: { summary: 'Create a limit', tags, body: LimitBody } },
    async (request, reply) => {
      const limit = await limits.create(changerOf(request), request.body);
      return reply.code(201).send(limitObject(limit, await limits.spent(limit)));
    },
  );
  const changed = { params: LimitParams, body: LimitPatch };
  app.patch<{ Params: LimitParams; Body: LimitPatch }>(
    '/limits/:limit_id',
    { config: write, schema: { summary: 'Change the amount of a limit', tags, ...changed } },
    async (request) => {
      const { limit_id: id } = request.params;
      const limit = await limits.changeAmount(changerOf(request), id, request.body.amount);
      return limitObject(limit, await limits.spent(limit));
    },
  );
  app.delete<{ Params: LimitParams }>(
    '/limits/:limit_id',
    { config: write, schema: { summary: 'Delete a limit', tags, params: LimitParams } },
    async (request) => {
      const { limit_id: id } = request.params;
      await limits.delete(changerOf(request), id);
      return { id, object: 'limit.deleted', deleted: true };
    },
  );
}

function readRoutes(app: FastifyInstance, limits: LimitService): void {
  app.get<{ Querystring: LimitsQuery }>(
    '/limits',
    { config: read, schema: { summary: 'List limits', tags, querystring: LimitsQuery } },
    async (request) =>
      listObject(await limits.list(principalOf(request), request.query), (row) => limitObject(row)),
  );
  app.get<{ Params: LimitParams }>(
    '/limits/:limit_id',
    { config: read, schema: { summary: 'Get a limit', tags, params: LimitParams } },
    async (request) => {
      const limit = await limits.get(principalOf(request), request.params.limit_id);
      return limitObject(limit, await limits.spent(limit));
    },
  );
}
