import { randomUUID } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { request } from 'undici';
import { type ObjectsProbe, type ProbeOptions, StoreProbeError } from '../../ports/store-probe.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const PROBE_TEXT = 'llamp doctor';

export interface S3ProbeOptions {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
}

/** Asks an S3 server without making anything; nothing is sent before the first question. */
export function openS3Probe(options: S3ProbeOptions): ObjectsProbe {
  const client = createClient(options);
  const Bucket = options.bucket;
  const head = (call: ProbeOptions) =>
    client.send(new HeadBucketCommand({ Bucket }), { abortSignal: signalOf(call) });
  return {
    hasBucket: (call) =>
      head(call).then(
        () => true,
        (error: unknown) => {
          if (statusOf(error) === 404) return false;
          throw probeErrorOf(error);
        },
      ),
    bucketRegion: async (call) => (await head(call).catch(rethrow)).BucketRegion,
    isPublic: (call) => isPublic(options, call),
    now: (call) => serverTime(options.endpoint, call),
    writeReadDelete: (call) => writeReadDelete(client, Bucket, call).catch(rethrow),
    close: async () => client.destroy(),
  };
}

function createClient({ endpoint, accessKey, secretKey }: S3ProbeOptions): S3Client {
  return new S3Client({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 1,
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: CONNECT_TIMEOUT_MS },
  });
}

async function isPublic(
  { endpoint, bucket }: S3ProbeOptions,
  call: ProbeOptions,
): Promise<boolean> {
  const url = `${endpoint.replace(/\/+$/, '')}/${bucket}?list-type=2&max-keys=1`;
  const { statusCode, body } = await request(url, limitsOf(call)).catch(rethrow);
  await body.dump();
  return statusCode === 200;
}

async function serverTime(endpoint: string, call: ProbeOptions): Promise<Date | undefined> {
  const { headers, body } = await request(endpoint, limitsOf(call)).catch(rethrow);
  await body.dump();
  const { date } = headers;
  const time = new Date(typeof date === 'string' ? date : Number.NaN);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

async function writeReadDelete(client: S3Client, Bucket: string, call: ProbeOptions) {
  const Key = `doctor/${randomUUID()}`;
  const options = { abortSignal: signalOf(call) };
  await client.send(new PutObjectCommand({ Bucket, Key, Body: PROBE_TEXT }), options);
  try {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }), options);
    const read = await Body?.transformToString();
    if (read !== PROBE_TEXT) throw new StoreProbeError('other', 'it gave back other bytes');
  } finally {
    await client.send(new DeleteObjectCommand({ Bucket, Key }), options);
  }
}

const signalOf = ({ timeoutMs, signal }: ProbeOptions): AbortSignal => {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
};

const limitsOf = (call: ProbeOptions) => ({
  method: 'GET' as const,
  signal: signalOf(call),
  headersTimeout: call.timeoutMs,
  bodyTimeout: call.timeoutMs,
});

const statusOf = (error: unknown) =>
  error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;

function rethrow(error: unknown): never {
  throw probeErrorOf(error);
}

function probeErrorOf(error: unknown): unknown {
  if (error instanceof StoreProbeError) return error;
  const status = statusOf(error);
  const probeError = (kind: StoreProbeError['kind'], message: string) =>
    new StoreProbeError(kind, message, { cause: error });
  if (status === undefined) return probeError('unreachable', awayReason(error));
  if (status === 301 || status === 307) return probeError('wrong_region', `status ${status}`);
  // A HEAD is refused without a word, so that the status is all there is.
  if (status === 401 || status === 403) return probeError('refused', `status ${status}`);
  return probeError('other', `status ${status}`);
}

function awayReason(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return code ?? (message === undefined || message === '' ? 'no answer' : message);
}
