import type { FastifyInstance } from 'fastify';
import { changerOf, listObject, principalOf } from '../../identity/index.ts';
import { ListQuery, ModelBody, ModelParams, ModelPatch } from '../schemas.ts';
import type { ModelService } from './model-service.ts';
import { configuredModelObject } from './objects.ts';

const read = { access: { action: 'models.read' as const } };
const write = { access: { action: 'models.write' as const } };
const tags = ['models'];

/** Configured models of the caller's organization; `/v1/models` lists what is served. */
export function configuredModelRoutes(app: FastifyInstance, models: ModelService): void {
  writeRoutes(app, models);
  readRoutes(app, models);
}

function writeRoutes(app: FastifyInstance, models: ModelService): void {
  app.post<{ Body: ModelBody }>(
    '/models',
    { config: write, schema: { summary: 'Configure a model', tags, body: ModelBody } },
    async (request, reply) => {
      const model = await models.create(changerOf(request), request.body);
      return reply.code(201).send(configuredModelObject(model));
    },
  );
  const changed = { params: ModelParams, body: ModelPatch };
  app.patch<{ Params: ModelParams; Body: ModelPatch }>(
    '/models/:model_id',
    { config: write, schema: { summary: 'Change a configured model', tags, ...changed } },
    async (request) => {
      const { model_id: id } = request.params;
      return configuredModelObject(await models.update(changerOf(request), id, request.body));
    },
  );
  app.delete<{ Params: ModelParams }>(
    '/models/:model_id',
    { config: write, schema: { summary: 'Delete a configured model', tags, params: ModelParams } },
    async (request) => {
      const { model_id: id } = request.params;
      await models.delete(changerOf(request), id);
      return { id, object: 'model.configuration.deleted', deleted: true };
    },
  );
}

function readRoutes(app: FastifyInstance, models: ModelService): void {
  app.get<{ Querystring: ListQuery }>(
    '/models',
    { config: read, schema: { summary: 'List configured models', tags, querystring: ListQuery } },
    async (request) =>
      listObject(await models.list(principalOf(request), request.query), configuredModelObject),
  );
  app.get<{ Params: ModelParams }>(
    '/models/:model_id',
    { config: read, schema: { summary: 'Get a configured model', tags, params: ModelParams } },
    async (request) =>
      configuredModelObject(await models.get(principalOf(request), request.params.model_id)),
  );
}
