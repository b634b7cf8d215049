import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import { SearchStoreBody, StoreParams } from '../schemas.ts';
import type { SearchService } from '../search/service.ts';
import { callContext, SEARCH } from './call.ts';

export function searchRoutes(app: FastifyInstance, search: SearchService): void {
  app.post<{ Params: Static<typeof StoreParams>; Body: Static<typeof SearchStoreBody> }>(
    '/vector_stores/:store_id/search',
    {
      config: SEARCH,
      schema: {
        summary: 'Search a vector store',
        tags: ['vector stores'],
        params: StoreParams,
        body: SearchStoreBody,
      },
    },
    (request, reply) =>
      search.search(callContext(request, reply), request.params.store_id, request.body),
  );
}
