import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import { changerOf, principalOf } from '../../identity/index.ts';
import {
  AttachBody,
  ListStoreFilesQuery,
  StoreFileParams,
  StoreParams,
  UpdateStoreFileBody,
} from '../schemas.ts';
import type { StoreFileService } from '../store-files/service.ts';
import { advisePolling, READ, WRITE } from './call.ts';

type StoreRoute = { Params: Static<typeof StoreParams> };
type FileRoute = { Params: Static<typeof StoreFileParams> };

const tags = ['vector store files'];
const FILE = '/vector_stores/:store_id/files/:file_id';

export function vectorStoreFileRoutes(app: FastifyInstance, files: StoreFileService): void {
  collectionRoutes(app, files);
  memberRoutes(app, files);
}

function collectionRoutes(app: FastifyInstance, files: StoreFileService): void {
  app.post<StoreRoute & { Body: Static<typeof AttachBody> }>(
    '/vector_stores/:store_id/files',
    {
      config: WRITE,
      schema: { summary: 'Attach a file', tags, params: StoreParams, body: AttachBody },
    },
    async (request, reply) =>
      advisePolling(
        reply,
        await files.attach(changerOf(request), request.params.store_id, request.body),
      ),
  );
  app.get<StoreRoute & { Querystring: Static<typeof ListStoreFilesQuery> }>(
    '/vector_stores/:store_id/files',
    {
      config: READ,
      schema: {
        summary: 'List files of a vector store',
        tags,
        params: StoreParams,
        querystring: ListStoreFilesQuery,
      },
    },
    (request) => files.list(principalOf(request), request.params.store_id, request.query),
  );
}

function memberRoutes(app: FastifyInstance, files: StoreFileService): void {
  const schema = (summary: string) => ({ summary, tags, params: StoreFileParams });
  app.get<FileRoute>(
    FILE,
    { config: READ, schema: schema('Get a file of a vector store') },
    async (request, reply) => {
      const { store_id, file_id } = request.params;
      return advisePolling(reply, await files.get(principalOf(request), store_id, file_id));
    },
  );
  app.post<FileRoute & { Body: Static<typeof UpdateStoreFileBody> }>(
    FILE,
    {
      config: WRITE,
      schema: { ...schema('Change attributes of a file'), body: UpdateStoreFileBody },
    },
    (request) => {
      const { store_id, file_id } = request.params;
      const change = { fileId: file_id, attributes: request.body.attributes };
      return files.updateAttributes(changerOf(request), store_id, change);
    },
  );
  app.delete<FileRoute>(
    FILE,
    { config: WRITE, schema: schema('Take a file out of a vector store') },
    (request) => files.remove(changerOf(request), request.params.store_id, request.params.file_id),
  );
  app.get<FileRoute>(
    `${FILE}/content`,
    { config: READ, schema: schema('Get the parsed text of a file') },
    (request) =>
      files.content(principalOf(request), request.params.store_id, request.params.file_id),
  );
}
