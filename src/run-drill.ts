import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { openApplication } from './application.ts';
import { loadConfig } from './config/load.ts';
import type { ProbeResult } from './domains/knowledge/index.ts';
import {
  type ArchiveStore,
  type Manifest,
  type Openers,
  readSecretKeys,
  requireKey,
  type RestoreResult,
  restoreBackup,
} from './domains/ops/backup/index.ts';
import { silentLog } from './lib/log.ts';
import { StartError } from './lib/start-error.ts';
import { openRestoreTarget } from './open-restore.ts';
import { createContext, openStores } from './runtime.ts';

const READY_TIMEOUT_MS = 30_000;

export interface DrillOptions {
  readonly openers: Openers;
  /** Of the installation, when it is at hand; otherwise they come out of the backup. */
  readonly secretKeys: readonly Uint8Array[];
  readonly version: string;
  readonly signal: AbortSignal;
}

export interface DrillResult {
  readonly restored: RestoreResult;
  readonly probe: ProbeResult;
}

/**
 * Restores a backup into a new embedded installation, starts it, asks whether it is ready, and searches each of its
 * vector stores. Nothing of it stays.
 */
export async function runDrill(
  store: ArchiveStore,
  manifest: Manifest,
  options: DrillOptions,
): Promise<DrillResult> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'llamp-drill-'));
  try {
    const context = createContext(scratchConfig(dataDirectory, manifest, options), silentLog);
    const restored = await restore(store, manifest, { context, options });
    const stores = await openStores(context, 'server');
    const application = await openApplication(stores, context, options.version);
    try {
      const { url } = await application.listen();
      await requireReady(url, options.signal);
      return { restored, probe: await application.knowledge.service.probeStores(options.signal) };
    } finally {
      await application.drain.drain();
    }
  } finally {
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

async function restore(
  store: ArchiveStore,
  manifest: Manifest,
  { context, options }: { context: ReturnType<typeof createContext>; options: DrillOptions },
): Promise<RestoreResult> {
  const key = await requireKey(store, manifest, options.openers);
  const { target, close } = await openRestoreTarget(context);
  try {
    return await restoreBackup(target, store, { manifest, key }, { signal: options.signal });
  } finally {
    await close();
  }
}

// No upstream, no schedule and no store of the installation: a drill must not be able to touch it.
function scratchConfig(dataDirectory: string, manifest: Manifest, options: DrillOptions) {
  const keys = readSecretKeys(manifest, options.openers.identities) ?? options.secretKeys;
  if (keys.length === 0)
    throw new StartError('a drill needs the identity of the recipient, or the secret key');
  return loadConfig({
    LLAMP_DATA_DIR: dataDirectory,
    LLAMP_PORT: '0',
    LLAMP_WORKERS: '0',
    LLAMP_SECRET_KEY: keys.map((key) => Buffer.from(key).toString('base64')).join(','),
  });
}

async function requireReady(url: string, signal: AbortSignal): Promise<void> {
  const answer = await request(`${url}/health/ready`, {
    signal,
    headersTimeout: READY_TIMEOUT_MS,
    bodyTimeout: READY_TIMEOUT_MS,
  });
  const text = await answer.body.text();
  if (answer.statusCode !== 200)
    throw new StartError(`the restored installation is not ready: ${answer.statusCode} ${text}`);
}
