import { addAbortSignal, Readable } from 'node:stream';
import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import type { Log } from '../../lib/log.ts';
import { BlobNotFoundError, type BlobOptions, type BlobStore } from '../../ports/blob-store.ts';
import { assertBlobKey, assertBlobPrefix, assertByteRange, assertListLimit } from './blob-key.ts';
import { withCallDeadline } from './call-deadline.ts';
import { uploadBytes, uploadStream } from './s3-upload.ts';

const SOCKETS_MAX = 64;
const CONNECT_TIMEOUT_MS = 5_000;
// A body that stands still for so long is given up; a slow reader keeps it moving.
const IDLE_TIMEOUT_MS = 120_000;
const OPEN_TIMEOUT_MS = 15_000;
// The most that S3 accepts in one DeleteObjects.
const DELETE_BATCH_KEYS = 1000;

export interface S3BlobStoreOptions {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
  /** S3 servers of one's own accept any; AWS wants the bucket's. */
  readonly region?: string;
  readonly log: Log;
}

/** Connects to any S3 API and makes the bucket when it is missing. Rejects when the server does not answer. */
export async function openS3BlobStore(options: S3BlobStoreOptions): Promise<S3BlobStore> {
  const client = createClient(options);
  const signal = AbortSignal.timeout(OPEN_TIMEOUT_MS);
  try {
    await ensureBucket(client, options.bucket, options.log, signal);
  } catch (error) {
    client.destroy();
    const message = `cannot use bucket ${options.bucket} at ${options.endpoint}`;
    throw new Error(`${message}: ${describe(error)}`, { cause: error });
  }
  return new S3BlobStore(client, options.bucket);
}

/** Blobs as objects of one bucket, through the plain S3 API only. */
export class S3BlobStore implements BlobStore {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(client: S3Client, bucket: string) {
    this.#client = client;
    this.#bucket = bucket;
  }

  async put(
    key: string,
    source: Readable | Uint8Array,
    options: BlobOptions,
  ): Promise<{ sizeBytes: number }> {
    assertBlobKey(key);
    return withCallDeadline(options, (signal) => {
      const target = { client: this.#client, Bucket: this.#bucket, Key: key, signal };
      return source instanceof Readable
        ? uploadStream(target, source)
        : uploadBytes(target, source);
    });
  }

  async get(
    key: string,
    options: BlobOptions & { range?: { start: number; end?: number } },
  ): Promise<Readable> {
    assertBlobKey(key);
    assertByteRange(options.range);
    const stream = await withCallDeadline(options, (signal) =>
      this.#openStream(key, options.range, signal),
    );
    return options.signal === undefined ? stream : addAbortSignal(options.signal, stream);
  }

  async size(key: string, options: BlobOptions): Promise<number | undefined> {
    assertBlobKey(key);
    return withCallDeadline(options, async (abortSignal) => {
      const command = new HeadObjectCommand({ Bucket: this.#bucket, Key: key });
      try {
        return (await this.#client.send(command, { abortSignal })).ContentLength;
      } catch (error) {
        if (hasStatus(error, 404)) return undefined;
        throw error;
      }
    });
  }

  async delete(keys: readonly string[], options: BlobOptions): Promise<void> {
    keys.forEach(assertBlobKey);
    await withCallDeadline(options, async (signal) => {
      for (let start = 0; start < keys.length; start += DELETE_BATCH_KEYS) {
        await this.#deleteBatch(keys.slice(start, start + DELETE_BATCH_KEYS), signal);
      }
    });
  }

  async list(
    prefix: string,
    options: BlobOptions & { after?: string; limit: number },
  ): Promise<{ blobs: { key: string; sizeBytes: number }[]; hasMore: boolean }> {
    assertBlobPrefix(prefix);
    assertListLimit(options.limit);
    return withCallDeadline(options, async (abortSignal) => {
      const command = new ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: prefix,
        StartAfter: options.after,
        MaxKeys: options.limit,
      });
      const page = await this.#client.send(command, { abortSignal });
      const blobs = (page.Contents ?? []).map((object) => ({
        key: object.Key ?? '',
        sizeBytes: object.Size ?? 0,
      }));
      return { blobs, hasMore: page.IsTruncated ?? false };
    });
  }

  async check(options: BlobOptions): Promise<void> {
    await withCallDeadline(options, async (abortSignal) => {
      await this.#client.send(new HeadBucketCommand({ Bucket: this.#bucket }), { abortSignal });
    });
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  async #openStream(
    key: string,
    range: { start: number; end?: number } | undefined,
    abortSignal: AbortSignal,
  ): Promise<Readable> {
    const command = new GetObjectCommand({
      Bucket: this.#bucket,
      Key: key,
      Range: range === undefined ? undefined : `bytes=${range.start}-${range.end ?? ''}`,
    });
    try {
      const { Body } = await this.#client.send(command, { abortSignal });
      return Body instanceof Readable ? Body : Readable.from([]);
    } catch (error) {
      if (hasStatus(error, 404)) throw new BlobNotFoundError(key);
      if (hasStatus(error, 416)) throw new RangeError(`the range starts beyond blob ${key}`);
      throw error;
    }
  }

  async #deleteBatch(keys: readonly string[], abortSignal: AbortSignal): Promise<void> {
    const Objects = keys.map((Key) => ({ Key }));
    const command = new DeleteObjectsCommand({
      Bucket: this.#bucket,
      Delete: { Objects, Quiet: true },
    });
    // The request can succeed while single keys fail.
    const { Errors = [] } = await this.#client.send(command, { abortSignal });
    const failed = Errors.filter((failure) => failure.Code !== 'NoSuchKey');
    if (failed.length === 0) return;
    const reason = `${failed[0]?.Code}: ${failed[0]?.Message}`;
    throw new Error(`${failed.length} of ${keys.length} blobs could not be deleted (${reason})`);
  }
}

function createClient(options: S3BlobStoreOptions): S3Client {
  return new S3Client({
    endpoint: options.endpoint,
    region: options.region ?? 'us-east-1',
    credentials: { accessKeyId: options.accessKey, secretAccessKey: options.secretKey },
    // Bucket names as host names need DNS that a server of one's own rarely has.
    forcePathStyle: true,
    // The SDK's default adds checksum headers that several S3 servers reject.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: IDLE_TIMEOUT_MS,
      httpAgent: { keepAlive: true, maxSockets: SOCKETS_MAX },
      httpsAgent: { keepAlive: true, maxSockets: SOCKETS_MAX },
    },
  });
}

async function ensureBucket(
  client: S3Client,
  Bucket: string,
  log: Log,
  abortSignal: AbortSignal,
): Promise<void> {
  try {
    await client.send(new HeadBucketCommand({ Bucket }), { abortSignal });
    return;
  } catch (error) {
    if (!hasStatus(error, 404)) throw error;
  }
  try {
    await client.send(new CreateBucketCommand({ Bucket }), { abortSignal });
    log.info({ bucket: Bucket }, 'made the bucket');
  } catch (error) {
    // Another instance was faster.
    if (!hasStatus(error, 409)) throw error;
  }
}

function hasStatus(error: unknown, status: number): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === status;
}

// HEAD answers carry no body, so that the SDK has only "UnknownError" to say: the status tells more.
function describe(error: unknown): string {
  if (error instanceof S3ServiceException) {
    return `${error.name} (status ${error.$metadata.httpStatusCode ?? 'none'})`;
  }
  return error instanceof Error ? error.message : String(error);
}
