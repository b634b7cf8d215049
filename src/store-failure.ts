import type { S3Config } from './config/config.ts';
import { StartError } from './lib/start-error.ts';

/** Opens a store; when it cannot, one sentence names the store, where it was looked for and the variable. */
export async function reach<T>(
  store: string,
  variable: string,
  address: string,
  open: () => Promise<T>,
): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (error instanceof StartError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `${store} at ${address} (${variable}) cannot be used: ${reason}; start it or correct ${variable}`,
      { cause: error },
    );
  }
}

// S3 answers a HEAD for a wrong key, and for a bucket of somebody else, without a word.
export function isRefusal(error: unknown): boolean {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const { $metadata: answer } = (cause ?? {}) as { $metadata?: { httpStatusCode?: number } };
  return answer?.httpStatusCode === 401 || answer?.httpStatusCode === 403;
}

export function refusedKeysError({ endpoint, bucket }: S3Config, cause: unknown): StartError {
  return new StartError(
    `the object store at ${endpoint} (MINIO_ENDPOINT) refuses bucket ${bucket} (MINIO_BUCKET) to these keys; correct MINIO_ACCESS_KEY and MINIO_SECRET_KEY`,
    { cause },
  );
}

/** The host alone: the rest of the URL holds the password. */
export function hostOf(url: string): string {
  return new URL(url).host;
}
