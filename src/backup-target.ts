import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { BackupConfig } from './config/backup-config.ts';
import { openFilesystemBlobStore } from './adapters/blob-store/filesystem.ts';
import { prefixedBlobStore } from './adapters/decorators/prefixed.ts';
import { retryingBlobStore } from './adapters/decorators/retrying.ts';
import { StartError } from './lib/start-error.ts';
import type { BlobStore } from './ports/blob-store.ts';
import type { RuntimeContext } from './runtime.ts';
import { reach } from './store-failure.ts';

/** The second part of the composition root: where backups go, a folder or a bucket. */

const BUCKET_TARGET = /^s3:\/\/([^/]+)\/?(.*?)\/*$/;

export async function openBackupTarget(
  { config, log, clock }: RuntimeContext,
  target: string,
): Promise<BlobStore> {
  const [, bucket, prefix = ''] = BUCKET_TARGET.exec(target) ?? [];
  if (bucket === undefined) return await openFolder(target);
  const { openS3BlobStore } = await import('./adapters/blob-store/s3.ts');
  const s3 = requireS3(config.backup, target);
  const store = await reach(
    'the object store of backups',
    'LLAMP_BACKUP_S3_ENDPOINT',
    s3.endpoint,
    () => openS3BlobStore({ ...s3, bucket, log }),
  );
  const retrying = retryingBlobStore(store, { clock });
  return prefix === '' ? retrying : prefixedBlobStore(retrying, `${prefix}/`);
}

async function openFolder(target: string): Promise<BlobStore> {
  const directory = resolve(target);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return await openFilesystemBlobStore({ directory });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StartError(`backups cannot be kept in ${directory}: ${reason}`, { cause });
  }
}

function requireS3({ s3 }: BackupConfig, target: string) {
  if (s3 !== undefined) return s3;
  throw new StartError(
    `${target} needs LLAMP_BACKUP_S3_ENDPOINT, LLAMP_BACKUP_S3_ACCESS_KEY and LLAMP_BACKUP_S3_SECRET_KEY, or those of MINIO_`,
  );
}
