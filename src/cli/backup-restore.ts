import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { createDataFolder } from '../data-folder.ts';
import {
  type ArchiveStore,
  findBackup,
  type Manifest,
  type Openers,
  readSecretKeys,
  requireKey,
  type RestoreResult,
  restoreBackup,
  signerFingerprint,
} from '../domains/ops/backup/index.ts';
import { silentLog } from '../lib/log.ts';
import { createSecretBox } from '../lib/secret-box.ts';
import { openRestoreTarget } from '../open-restore.ts';
import { createContext } from '../runtime.ts';
import { hasKeyFile, restoreKeyFile } from '../secret-key.ts';
import type { RestoreCommandOptions } from './backup-options.ts';
import { openersOf, withArchive, writeNew } from './backup-archive.ts';
import { backupFailure, firstTargetOf } from './backup-failure.ts';
import { progressPrinter } from './backup-progress.ts';
import type { CommandContext } from './command-context.ts';
import { CommandError } from './exit-codes.ts';

/** Puts a backup into the installation that the configuration names, which must be empty. */
export async function restoreArchive(
  context: CommandContext,
  id: string | undefined,
  options: RestoreCommandOptions,
): Promise<void> {
  const config = loadConfig(context.env);
  const target = firstTargetOf(config, options.target);
  const openers = await openersOf(config, options.identity);
  const result = await withArchive(config, target, async (store) => {
    const manifest = await findBackup(store, id);
    requireSigner(manifest, options.signer);
    await provideSecretKeys(config, manifest, openers, options);
    return await restore(context, { config, store, manifest, openers, options });
  });
  const { backupId, rows, blobs, collections } = result;
  if (options.json) context.output.print(JSON.stringify({ event: 'restored', target, ...result }));
  else
    context.output.print(
      `backup ${backupId} is restored: ${rows} rows, ${blobs} blobs, ${collections.length} collections proven`,
    );
}

async function restore(
  context: CommandContext,
  {
    config,
    store,
    manifest,
    openers,
    options,
  }: {
    config: Config;
    store: ArchiveStore;
    manifest: Manifest;
    openers: Openers;
    options: RestoreCommandOptions;
  },
): Promise<RestoreResult> {
  const key = await requireKey(store, manifest, openers);
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort(new CommandError('interrupted; run it again')));
  process.once('SIGTERM', () => interrupt.abort(new CommandError('interrupted; run it again')));
  const onProgress = progressPrinter(context, options);
  try {
    const { target, close } = await openRestoreTarget(createContext(config, silentLog));
    try {
      const what = { manifest, key };
      return await restoreBackup(target, store, what, { signal: interrupt.signal, onProgress });
    } finally {
      await close();
    }
  } catch (error) {
    throw backupFailure(error, config);
  }
}

function requireSigner({ id, key }: Manifest, wanted: string | undefined): void {
  const signer = signerFingerprint(key.signer);
  if (wanted !== undefined && wanted !== signer)
    throw new CommandError(`backup ${id} was signed by ${signer}, not by ${wanted}`);
}

/** The restored installation needs the keys that sealed its secrets, or none of them would open. */
async function provideSecretKeys(
  config: Config,
  manifest: Manifest,
  { identities }: Openers,
  { writeSecretKey }: RestoreCommandOptions,
): Promise<void> {
  const [sealing = ''] = manifest.secret_key_ids;
  const keys = readSecretKeys(manifest, identities);
  if (writeSecretKey !== undefined) {
    if (keys === undefined) throw new CommandError('--write-secret-key needs --identity');
    await writeNew(writeSecretKey, `${keys.map(textOf).join(',')}\n`);
  }
  if (config.masterKeys === undefined) {
    if (hasKeyFile(config) && keys !== undefined) {
      createDataFolder(config.dataDirectory);
      return await restoreKeyFile(config, keys);
    }
    if (hasKeyFile(config)) return;
    throw new CommandError(
      `set LLAMP_SECRET_KEY to the key ${sealing} of the backup; --identity with --write-secret-key writes it into a file`,
    );
  }
  const [first, ...others] = config.masterKeys;
  if (first === undefined) return;
  const box = createSecretBox(first, others);
  const present = [box.keyId, ...box.olderKeyIds];
  if (!present.includes(sealing))
    throw new CommandError(
      `LLAMP_SECRET_KEY is ${present.join(', ')} and the secrets of backup ${manifest.id} are sealed with ${sealing}: set that key`,
    );
}

const textOf = (key: Uint8Array) => Buffer.from(key).toString('base64');
