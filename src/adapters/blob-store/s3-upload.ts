import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';

// S3 allows 10 000 parts of at least 5 MiB: blobs up to 78 GiB with one part in memory at a time.
const PART_BYTES = 8 * 1024 * 1024;
const ABORT_TIMEOUT_MS = 10_000;

export interface UploadTarget {
  readonly client: S3Client;
  readonly Bucket: string;
  readonly Key: string;
  readonly signal: AbortSignal;
}

/**
 * Stores a stream of unknown length: in one request when it fits a part, in several otherwise. Nothing stays behind
 * when it fails. The SDK's own uploader is not used: it neither cancels requests under way when it is aborted nor
 * waits until the parts are gone, so that an aborted put could still replace the blob.
 */
export async function uploadStream(
  target: UploadTarget,
  source: Readable,
): Promise<{ sizeBytes: number }> {
  const parts = splitIntoParts(source, target.signal);
  try {
    const first = await parts.next();
    const firstBytes = first.value ?? new Uint8Array();
    if (firstBytes.byteLength < PART_BYTES) return await uploadBytes(target, firstBytes);
    return await uploadParts(target, firstBytes, parts);
  } finally {
    await parts.return(undefined);
  }
}

/** Stores bytes in one request. */
export async function uploadBytes(
  { client, Bucket, Key, signal }: UploadTarget,
  bytes: Uint8Array,
): Promise<{ sizeBytes: number }> {
  const command = new PutObjectCommand({
    Bucket,
    Key,
    Body: bytes,
    ContentLength: bytes.byteLength,
  });
  await client.send(command, { abortSignal: signal });
  return { sizeBytes: bytes.byteLength };
}

async function uploadParts(
  target: UploadTarget,
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): Promise<{ sizeBytes: number }> {
  const { client, Bucket, Key, signal } = target;
  const created = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }), {
    abortSignal: signal,
  });
  const upload = { Bucket, Key, UploadId: created.UploadId };
  try {
    const Parts = [await sendPart(target, upload, 1, first)];
    let sizeBytes = first.byteLength;
    for await (const bytes of rest) {
      Parts.push(await sendPart(target, upload, Parts.length + 1, bytes));
      sizeBytes += bytes.byteLength;
    }
    const complete = new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } });
    await client.send(complete, { abortSignal: signal });
    return { sizeBytes };
  } catch (error) {
    await removeParts(client, upload, error);
    throw error;
  }
}

async function sendPart(
  { client, signal }: UploadTarget,
  upload: { Bucket: string; Key: string; UploadId: string | undefined },
  PartNumber: number,
  Body: Uint8Array,
): Promise<CompletedPart> {
  const command = new UploadPartCommand({
    ...upload,
    PartNumber,
    Body,
    ContentLength: Body.byteLength,
  });
  const { ETag } = await client.send(command, { abortSignal: signal });
  return { ETag, PartNumber };
}

/** Under its own time: the call's signal may be the very reason for the clean-up. */
async function removeParts(
  client: S3Client,
  upload: { Bucket: string; Key: string; UploadId: string | undefined },
  reason: unknown,
): Promise<void> {
  try {
    await client.send(new AbortMultipartUploadCommand(upload), {
      abortSignal: AbortSignal.timeout(ABORT_TIMEOUT_MS),
    });
  } catch (error) {
    // Completed after all, or swept by the server: then there are no parts left.
    if (error instanceof Error && error.name === 'NoSuchUpload') return;
    throw new AggregateError(
      [reason, error],
      'the upload failed and its parts could not be removed',
    );
  }
}

async function* splitIntoParts(
  source: Readable,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, undefined> {
  // A source that stalls would otherwise hold the call beyond its time.
  const stop = () => source.destroy(asError(signal.reason));
  signal.addEventListener('abort', stop, { once: true });
  let chunks: Uint8Array[] = [];
  let bufferedBytes = 0;
  try {
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      bufferedBytes += chunk.byteLength;
      while (bufferedBytes >= PART_BYTES) {
        const buffered = Buffer.concat(chunks);
        yield buffered.subarray(0, PART_BYTES);
        chunks = [buffered.subarray(PART_BYTES)];
        bufferedBytes -= PART_BYTES;
      }
    }
    signal.throwIfAborted();
    if (bufferedBytes > 0) yield Buffer.concat(chunks);
    return undefined;
  } finally {
    signal.removeEventListener('abort', stop);
    source.destroy();
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
