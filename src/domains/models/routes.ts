import type {} from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { principalOf } from '../identity/index.ts';
import { requireAllowedModel } from './allowed-models.ts';
import { modelNotFound } from './errors.ts';
import type { ModelCatalogue } from './model-catalogue.ts';
import { modelObject } from './model.ts';

/** Register it under `/v1` and `/api/v1/llm`. */
export async function modelRoutes(
  app: FastifyInstance,
  services: { catalogue: ModelCatalogue },
): Promise<void> {
  const { catalogue } = services;
  app.get(
    '/models',
    {
      config: { access: { action: 'inference.models' } },
      schema: { summary: 'List models', tags: ['models'] },
    },
    async (request) => {
      const { models: allowed } = principalOf(request);
      const models = catalogue.list();
      const listed = allowed ? models.filter(({ name }) => allowed.has(name)) : models;
      return { object: 'list', data: listed.map(modelObject) };
    },
  );
  // A wildcard, because names hold slashes: `Qwen/Qwen3-32B`.
  app.get<{ Params: { '*': string } }>(
    '/models/*',
    {
      config: { access: { action: 'inference.models' } },
      schema: { summary: 'Retrieve a model', tags: ['models'] },
    },
    async (request) => {
      const name = request.params['*'];
      if (name === '') throw modelNotFound(name);
      requireAllowedModel(principalOf(request), name);
      return modelObject(await catalogue.resolve(name));
    },
  );
}
