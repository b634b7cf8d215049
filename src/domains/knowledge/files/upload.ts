import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import type { AppError } from '../../../lib/app-error.ts';
import { knowledgeError } from '../errors.ts';
import type { KnowledgeDependencies } from '../options.ts';
import { deletePendingBlobs, insertPendingBlob } from './repository.ts';

// As long as a slow client may take; the request's own end stops it before.
const UPLOAD_TIMEOUT_MS = 3_600_000;
const FILENAME_LENGTH_MAX = 255;
// RFC 2046 allows 70; the parser fails beyond 256.
const BOUNDARY_LENGTH_MAX = 200;

export interface StoredUpload {
  readonly fileId: string;
  readonly blobKey: string;
  readonly filename: string;
  readonly sizeBytes: number;
  readonly sha256: Uint8Array;
}

export interface UploadForm {
  readonly upload: StoredUpload | undefined;
  readonly fields: ReadonlyMap<string, string>;
}

/**
 * Reads a multipart form and streams its file into the blob store while hashing it. Clients send the fields before or
 * after the file, so they are checked only once everything is here. Whoever refuses the form calls `discardUpload`.
 */
export async function receiveUpload(
  deps: KnowledgeDependencies,
  request: FastifyRequest,
): Promise<UploadForm> {
  if (!request.isMultipart())
    throw knowledgeError('invalid_file_upload', 'Send the file as multipart/form-data.', {
      param: 'file',
    });
  refuseLongBoundary(request.headers['content-type'] ?? '');
  const fields = new Map<string, string>();
  let upload: StoredUpload | undefined;
  try {
    for await (const part of request.parts({
      limits: { fileSize: deps.options.fileSizeMaxBytes },
    })) {
      if (part.type === 'field') fields.set(part.fieldname, String(part.value));
      else if (part.fieldname === 'file' && upload === undefined)
        upload = await storePart(deps, part);
      // An unread part would hold up the form for ever.
      else part.file.resume();
    }
    return { upload, fields };
  } catch (error) {
    await discardUpload(deps, upload);
    throw asUploadError(deps, error);
  }
}

function refuseLongBoundary(contentType: string): void {
  const boundary = /boundary=("?)([^";]*)/i.exec(contentType)?.[2] ?? '';
  if (boundary.length <= BOUNDARY_LENGTH_MAX) return;
  const message = `The boundary of the form is longer than ${BOUNDARY_LENGTH_MAX} characters.`;
  throw knowledgeError('invalid_file_upload', message, { param: 'file' });
}

/** Takes back the bytes of a form that is refused. What fails here is found by the collector. */
export async function discardUpload(
  { blobs, database, log, options }: KnowledgeDependencies,
  upload: { blobKey: string } | undefined,
): Promise<void> {
  if (upload === undefined) return;
  try {
    await blobs.delete([upload.blobKey], { timeoutMs: options.blobTimeoutMs });
    await deletePendingBlobs(database, [upload.blobKey]);
  } catch (error) {
    log.warn({ err: error, blobKey: upload.blobKey }, 'bytes of a refused upload stay for now');
  }
}

async function storePart(deps: KnowledgeDependencies, part: MultipartFile): Promise<StoredUpload> {
  const { blobs, clock, database } = deps;
  const fileId = clock.newId('file-');
  const blobKey = `files/${fileId}`;
  await insertPendingBlob(database, { key: blobKey, now: clock.now() });
  const hash = createHash('sha256');
  try {
    const { sizeBytes } = await blobs.put(blobKey, Readable.from(hashed(part.file, hash)), {
      timeoutMs: UPLOAD_TIMEOUT_MS,
    });
    if (part.file.truncated) throw tooLarge(deps);
    return { fileId, blobKey, filename: safeName(part.filename), sizeBytes, sha256: hash.digest() };
  } catch (error) {
    await discardUpload(deps, { blobKey });
    throw error;
  }
}

async function* hashed(source: Readable, hash: { update(bytes: Uint8Array): unknown }) {
  for await (const bytes of source as AsyncIterable<Uint8Array>) {
    hash.update(bytes);
    yield bytes;
  }
}

/** The last segment of what the client calls it, without characters that no name needs. */
function safeName(name: string | undefined): string {
  const base = (name ?? '').split(/[/\\]/).at(-1) ?? '';
  const clean = base
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, '')
    .trim();
  return clean === '' ? 'file' : [...clean].slice(0, FILENAME_LENGTH_MAX).join('');
}

function asUploadError(deps: KnowledgeDependencies, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'FST_REQ_FILE_TOO_LARGE') return tooLarge(deps);
  const message = error instanceof Error ? error.message : '';
  const isMalformed =
    (typeof code === 'string' && /^FST_(?:PARTS|FILES|FIELDS|PROTO|INVALID)/.test(code)) ||
    /multipart|boundary|malformed|premature|aborted/i.test(message);
  return isMalformed
    ? knowledgeError('invalid_file_upload', 'The multipart form is malformed.', {
        param: 'file',
        cause: error,
      })
    : error;
}

function tooLarge(deps: KnowledgeDependencies): AppError {
  const limit = deps.options.fileSizeMaxBytes;
  return knowledgeError('file_too_large', `The file is larger than ${limit} bytes.`, {
    param: 'file',
  });
}
