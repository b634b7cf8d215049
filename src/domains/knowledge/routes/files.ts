import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Static } from 'typebox';
import { changerOf, principalOf } from '../../identity/index.ts';
import { knowledgeError } from '../errors.ts';
import { contentDisposition, contentType, parseRange } from '../files/content-type.ts';
import type { FileRecord } from '../files/file-record.ts';
import type { FileService } from '../files/service.ts';
import { FileParams, ListFilesQuery } from '../schemas.ts';
import { READ, WRITE } from './call.ts';

type Params = { Params: Static<typeof FileParams> };

const tags = ['files'];

export function fileRoutes(app: FastifyInstance, files: FileService): void {
  app.post(
    '/files',
    {
      config: WRITE,
      schema: { summary: 'Upload a file', tags, consumes: ['multipart/form-data'] },
    },
    (request) => files.upload(changerOf(request), request),
  );
  app.get<{ Querystring: Static<typeof ListFilesQuery> }>(
    '/files',
    { config: READ, schema: { summary: 'List files', tags, querystring: ListFilesQuery } },
    (request) => files.list(principalOf(request), request.query),
  );
  app.get<Params>(
    '/files/:file_id',
    { config: READ, schema: { summary: 'Get a file', tags, params: FileParams } },
    (request) => files.get(principalOf(request), request.params.file_id),
  );
  app.delete<Params>(
    '/files/:file_id',
    { config: WRITE, schema: { summary: 'Delete a file', tags, params: FileParams } },
    (request) => files.remove(changerOf(request), request.params.file_id),
  );
  app.get<Params>(
    '/files/:file_id/content',
    { config: READ, schema: { summary: 'Download a file', tags, params: FileParams } },
    async (request, reply) => {
      const file = await files.find(principalOf(request), request.params.file_id);
      return await sendContent(reply, { files, file, range: request.headers.range });
    },
  );
}

async function sendContent(
  reply: FastifyReply,
  { files, file, range }: { files: FileService; file: FileRecord; range: string | undefined },
): Promise<FastifyReply> {
  const part = parseRange(range, file.size_bytes);
  reply.header('accept-ranges', 'bytes');
  if (part === 'unsatisfiable') {
    reply.header('content-range', `bytes */${file.size_bytes}`);
    throw knowledgeError(
      'file_range_not_satisfiable',
      `The file has ${file.size_bytes} bytes; the range begins beyond them.`,
    );
  }
  const bytes = await files.read(file, part);
  if (part !== undefined)
    reply.code(206).header('content-range', `bytes ${part.start}-${part.end}/${file.size_bytes}`);
  return reply
    .header('content-type', contentType(file.filename))
    .header('content-length', part === undefined ? file.size_bytes : part.end - part.start + 1)
    .header('content-disposition', contentDisposition(file.filename))
    .header('etag', `"${Buffer.from(file.sha256).toString('hex')}"`)
    .send(bytes);
}
