import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import { changerOf, principalOf } from '../../identity/index.ts';
import { CreateStoreBody, ListQuery, StoreParams, UpdateStoreBody } from '../schemas.ts';
import type { StoreService } from '../stores/service.ts';
import { callContext, READ, WRITE } from './call.ts';

type Params = { Params: Static<typeof StoreParams> };

const tags = ['vector stores'];

export function vectorStoreRoutes(app: FastifyInstance, stores: StoreService): void {
  app.post<{ Body: Static<typeof CreateStoreBody> }>(
    '/vector_stores',
    { config: WRITE, schema: { summary: 'Create a vector store', tags, body: CreateStoreBody } },
    (request, reply) => stores.create(callContext(request, reply), request.body),
  );
  app.get<{ Querystring: Static<typeof ListQuery> }>(
    '/vector_stores',
    { config: READ, schema: { summary: 'List vector stores', tags, querystring: ListQuery } },
    (request) => stores.list(principalOf(request), request.query),
  );
  app.get<Params>(
    '/vector_stores/:store_id',
    { config: READ, schema: { summary: 'Get a vector store', tags, params: StoreParams } },
    (request) => stores.get(principalOf(request), request.params.store_id),
  );
  app.post<Params & { Body: Static<typeof UpdateStoreBody> }>(
    '/vector_stores/:store_id',
    {
      config: WRITE,
      schema: {
        summary: 'Change a vector store',
        tags,
        params: StoreParams,
        body: UpdateStoreBody,
      },
    },
    (request) => stores.update(changerOf(request), request.params.store_id, request.body),
  );
  app.delete<Params>(
    '/vector_stores/:store_id',
    { config: WRITE, schema: { summary: 'Delete a vector store', tags, params: StoreParams } },
    (request) => stores.remove(changerOf(request), request.params.store_id),
  );
}
