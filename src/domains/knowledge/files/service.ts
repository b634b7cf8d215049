import type { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../../../lib/app-error.ts';
import { BlobNotFoundError } from '../../../ports/blob-store.ts';
import { changedFields, changeStatement, recordChange } from '../../audit/index.ts';
import type { Principal } from '../../identity/index.ts';
import { fileNotFound, invalidCursor, knowledgeError } from '../errors.ts';
import { COLLECT_JOB, COLLECT_QUEUE } from '../ingestion/queues.ts';
import type { KnowledgeDependencies } from '../options.ts';
import { type ListObject, listObject, type PageRequest } from '../page.ts';
import { detachFiles } from '../store-files/repository.ts';
import type { ByteRange } from './content-type.ts';
import { FILE_PURPOSES, type FileObject, fileObject, type FileRecord } from './file-record.ts';
import {
  findFile,
  findFilePosition,
  insertFile,
  listFiles,
  markFilesDeleted,
} from './repository.ts';
import { discardUpload, receiveUpload, type UploadForm } from './upload.ts';

// OpenAI's bounds: an hour to 30 days.
const EXPIRY_SECONDS = { min: 3_600, max: 2_592_000 };

/** Files. Every method is bound to the project of its caller. */
export class FileService {
  readonly #deps: KnowledgeDependencies;

  constructor(deps: KnowledgeDependencies) {
    this.#deps = deps;
  }

  /** Stores the file of a multipart request. */
  async upload(principal: Principal, request: FastifyRequest): Promise<FileObject> {
    const form = await receiveUpload(this.#deps, request);
    try {
      const file = this.#fileOf(principal, form);
      const { clock, database } = this.#deps;
      const { id, filename, purpose, size_bytes } = file;
      const recorded = changeStatement(clock, principal, {
        action: 'files.create',
        resource: { kind: 'file', id },
        changes: changedFields(null, { filename, purpose, size_bytes }),
      });
      await database.batch([...insertFile(file), recorded]);
      return fileObject(file);
    } catch (error) {
      // After a failed commit the file may exist all the same; the collector knows by then.
      if (error instanceof AppError) await discardUpload(this.#deps, form.upload);
      throw error;
    }
  }

  async get(principal: Principal, fileId: string): Promise<FileObject> {
    return fileObject(await this.find(principal, fileId));
  }

  async find(principal: Principal, fileId: string): Promise<FileRecord> {
    const { clock, database } = this.#deps;
    const { projectId } = principal;
    const key = { projectId, fileId, now: clock.now() };
    const file = await findFile(database.forProject(projectId), key);
    if (file === undefined) throw fileNotFound(fileId);
    return file;
  }

  /** The bytes of the file or of one range of it. */
  async read(file: FileRecord, range: ByteRange | undefined): Promise<Readable> {
    const { blobs, options } = this.#deps;
    try {
      return await blobs.get(file.blob_key, { timeoutMs: options.blobTimeoutMs, range });
    } catch (error) {
      // Deleted between the two steps.
      if (error instanceof BlobNotFoundError) throw fileNotFound(file.id);
      throw knowledgeError('knowledge_store_unavailable', 'The blob store did not answer.', {
        cause: error,
      });
    }
  }

  async list(
    principal: Principal,
    page: PageRequest & { purpose?: string },
  ): Promise<ListObject<FileObject>> {
    const { clock } = this.#deps;
    const { projectId } = principal;
    const database = this.#deps.database.forProject(projectId);
    const { limit, order, purpose, after: cursor } = page;
    const after =
      cursor === undefined
        ? undefined
        : await findFilePosition(database, { projectId, fileId: cursor });
    if (cursor !== undefined && after === undefined) throw invalidCursor('after', cursor);
    const filter = { projectId, purpose, now: clock.now() };
    const { rows, hasMore } = await listFiles(database, filter, { limit, order, after });
    return listObject(rows.map(fileObject), hasMore);
  }

  /** Takes the file out of every vector store at once; its bytes are removed later. */
  async remove(principal: Principal, fileId: string) {
    const { filename } = await this.find(principal, fileId);
    const { clock, database, jobs } = this.#deps;
    const key = { projectId: principal.projectId, fileIds: [fileId], now: clock.now() };
    await database.transaction(async (transaction) => {
      const deleted = await transaction.execute(markFilesDeleted(key));
      if (deleted.affectedRows === 0) throw fileNotFound(fileId);
      for (const statement of detachFiles(key)) await transaction.execute(statement);
      await recordChange(transaction, clock, principal, {
        action: 'files.delete',
        resource: { kind: 'file', id: fileId },
        changes: changedFields({ filename }, null),
      });
    });
    await jobs.enqueue(COLLECT_QUEUE, {}, COLLECT_JOB);
    return { id: fileId, object: 'file' as const, deleted: true };
  }

  #fileOf(principal: Principal, { upload, fields }: UploadForm): FileRecord {
    if (upload === undefined) throw invalidUpload("The form has no part 'file'.", 'file');
    const now = this.#deps.clock.now();
    const seconds = expirySeconds(fields);
    return {
      id: upload.fileId,
      project_id: principal.projectId,
      filename: upload.filename,
      purpose: purposeOf(fields),
      size_bytes: upload.sizeBytes,
      sha256: upload.sha256,
      blob_key: upload.blobKey,
      created_at: now,
      expires_at: seconds === undefined ? null : new Date(now.getTime() + seconds * 1000),
    };
  }
}

function purposeOf(fields: ReadonlyMap<string, string>): string {
  const purpose = fields.get('purpose');
  if (purpose === undefined)
    throw invalidUpload("Missing required parameter: 'purpose'.", 'purpose');
  if (!FILE_PURPOSES.some((known) => known === purpose))
    throw invalidUpload(
      `Invalid value for 'purpose': expected one of ${FILE_PURPOSES.join(', ')}.`,
      'purpose',
    );
  return purpose;
}

function expirySeconds(fields: ReadonlyMap<string, string>): number | undefined {
  const anchor = fields.get('expires_after[anchor]');
  const seconds = fields.get('expires_after[seconds]');
  if (anchor === undefined && seconds === undefined) return undefined;
  if (anchor !== 'created_at')
    throw invalidUpload("The anchor must be 'created_at'.", 'expires_after[anchor]');
  const value = /^\d{1,9}$/.test(seconds ?? '') ? Number(seconds) : Number.NaN;
  if (!(value >= EXPIRY_SECONDS.min && value <= EXPIRY_SECONDS.max))
    throw invalidUpload(
      `Files expire after ${EXPIRY_SECONDS.min} to ${EXPIRY_SECONDS.max} seconds.`,
      'expires_after[seconds]',
    );
  return value;
}

function invalidUpload(message: string, param: string) {
  return knowledgeError('invalid_file_upload', message, { param });
}
