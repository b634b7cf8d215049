import { existsSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBackupTarget } from '../backup-target.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import {
  ArchiveStore,
  findBackup,
  generateRecoveryKey,
  type ListedBackup,
  type Openers,
  parseIdentityFile,
  signerFingerprint,
  verifyBackup,
} from '../domains/ops/backup/index.ts';
import { silentLog } from '../lib/log.ts';
import { createContext } from '../runtime.ts';
import { openSecretBox } from '../secret-key.ts';
import type { TargetOptions, VerifyCommandOptions } from './backup-options.ts';
import { backupFailure, firstTargetOf, targetsOf } from './backup-failure.ts';
import { sizeText } from './backup-progress.ts';
import type { CommandContext } from './command-context.ts';
import { CommandError, EXIT_WRONG_USAGE } from './exit-codes.ts';

const OWNER_ONLY = 0o600;

/** Opens a target alone: nothing of the installation is needed to look at it. */
export async function withArchive<T>(
  config: Config,
  target: string,
  work: (store: ArchiveStore) => Promise<T>,
): Promise<T> {
  try {
    const blobs = await openBackupTarget(createContext(config, silentLog), target);
    try {
      return await work(new ArchiveStore(blobs));
    } finally {
      await blobs.close();
    }
  } catch (error) {
    throw backupFailure(error, config);
  }
}

export async function listBackups(
  { env, output }: CommandContext,
  options: TargetOptions,
): Promise<void> {
  const config = loadConfig(env);
  for (const target of targetsOf(config, options.target)) {
    const backups = await withArchive(config, target, (store) => store.listBackups());
    if (options.json) {
      for (const backup of backups)
        output.print(JSON.stringify({ target, ...listedObject(backup) }));
      continue;
    }
    output.table(['BACKUP', 'AS OF', 'SIZE', 'NEW', 'SCHEMA', 'SIGNER'], backups.map(listedRow));
  }
}

export async function verifyArchive(
  { env, output }: CommandContext,
  id: string | undefined,
  options: VerifyCommandOptions,
): Promise<void> {
  const config = loadConfig(env);
  const target = firstTargetOf(config, options.target);
  const openers = await openersOf(config, options.identity);
  const result = await withArchive(config, target, async (store) => {
    const backupId = id ?? (await findBackup(store, undefined)).id;
    return await verifyBackup(store, backupId, { level: options.level, openers });
  });
  const { findings, level, chunks, rows, blobs } = result;
  if (options.json) output.print(JSON.stringify({ event: 'verified', target, ...result }));
  else for (const finding of findings) output.error(finding);
  if (findings.length > 0)
    throw new CommandError(`backup ${result.id} is damaged: ${findings.length} findings`);
  if (!options.json)
    output.print(
      `backup ${result.id} is whole at level ${level}: ${chunks} chunks, ${rows} rows, ${blobs} blobs`,
    );
}

/** What opens a backup here: an identity when one is given, and the secret key of the installation if there is one. */
export async function openersOf(config: Config, identity: string | undefined): Promise<Openers> {
  const box = hasSecretKey(config) ? await openSecretBox(config) : undefined;
  if (identity === undefined) return { identities: [], box };
  const identities = parseIdentityFile(await readFile(identity, 'utf8'));
  if (identities.length === 0)
    throw new CommandError(`${identity} holds no identity (AGE-SECRET-KEY-1…)`, EXIT_WRONG_USAGE);
  return { identities, box };
}

export async function makeRecoveryKey(
  { output }: CommandContext,
  path: string,
  { json }: { json?: true },
): Promise<void> {
  const { identity, recipient } = generateRecoveryKey();
  await writeNew(path, `# recipient: ${recipient}\n${identity}\n`);
  if (json) return output.json({ recipient, identity_file: path });
  output.print(`LLAMP_BACKUP_RECIPIENT=${recipient}`);
  output.print(
    `the identity is in ${path}: keep it off this server, in two places; without it no backup opens elsewhere`,
  );
}

/** For secrets: a file that is there already stays as it is. */
export async function writeNew(path: string, text: string): Promise<void> {
  try {
    await using file = await open(path, 'wx', OWNER_ONLY);
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`${path} cannot be written: ${reason}`);
  }
}

// Without asking for a new key: on an empty machine there is none, and none must be made by a look.
function hasSecretKey({ masterKeys, dataDirectory, database }: Config): boolean {
  return (
    masterKeys !== undefined ||
    (database === undefined && existsSync(join(dataDirectory, 'secret.key')))
  );
}

function listedObject({ id, manifest, reason }: ListedBackup) {
  if (manifest === undefined) return { id, damaged: reason ?? 'unknown' };
  const { consistent_at, size_bytes, added_bytes, schema_version, key, shape } = manifest;
  const signer = signerFingerprint(key.signer);
  return { id, consistent_at, size_bytes, added_bytes, schema_version, signer, shape };
}

function listedRow({ id, manifest, reason }: ListedBackup): string[] {
  if (manifest === undefined) return [id, `damaged: ${reason ?? ''}`];
  return [
    id,
    manifest.consistent_at,
    sizeText(manifest.size_bytes),
    sizeText(manifest.added_bytes),
    String(manifest.schema_version),
    signerFingerprint(manifest.key.signer),
  ];
}
