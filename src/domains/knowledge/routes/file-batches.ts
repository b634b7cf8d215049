import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import { changerOf, principalOf } from '../../identity/index.ts';
import { BatchParams, CreateBatchBody, ListStoreFilesQuery, StoreParams } from '../schemas.ts';
import type { BatchService } from '../store-files/batch-service.ts';
import { advisePolling, READ, WRITE } from './call.ts';

type BatchRoute = { Params: Static<typeof BatchParams> };

const tags = ['vector store file batches'];
const BATCH = '/vector_stores/:store_id/file_batches/:batch_id';

export function fileBatchRoutes(app: FastifyInstance, batches: BatchService): void {
  const schema = (summary: string) => ({ summary, tags, params: BatchParams });
  app.post<{ Params: Static<typeof StoreParams>; Body: Static<typeof CreateBatchBody> }>(
    '/vector_stores/:store_id/file_batches',
    {
      config: WRITE,
      schema: { summary: 'Attach many files', tags, params: StoreParams, body: CreateBatchBody },
    },
    async (request, reply) =>
      advisePolling(
        reply,
        await batches.create(changerOf(request), request.params.store_id, request.body),
      ),
  );
  app.get<BatchRoute>(
    BATCH,
    { config: READ, schema: schema('Get a file batch') },
    async (request, reply) => {
      const { store_id, batch_id } = request.params;
      return advisePolling(reply, await batches.get(principalOf(request), store_id, batch_id));
    },
  );
  app.post<BatchRoute>(
    `${BATCH}/cancel`,
    { config: WRITE, schema: schema('Cancel a file batch') },
    (request) =>
      batches.cancel(changerOf(request), request.params.store_id, request.params.batch_id),
  );
  app.get<BatchRoute & { Querystring: Static<typeof ListStoreFilesQuery> }>(
    `${BATCH}/files`,
    {
      config: READ,
      schema: { ...schema('List files of a batch'), querystring: ListStoreFilesQuery },
    },
    (request) => {
      const { store_id: storeId, batch_id: batchId } = request.params;
      return batches.listFiles(principalOf(request), { storeId, batchId }, request.query);
    },
  );
}
